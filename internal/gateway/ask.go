package gateway

import (
	"fmt"
	"sync"

	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

// ask is a request of a backend on its way to a legacy client and back.
type ask struct {
	id     uint64       // ours; also the progress token, where the backend gave one
	m      *mcp.Message // the backend's request
	link   *link
	client *Client // who is asked; of a legacy client only
	answer func(body []byte)
	once   sync.Once

	task string // which it belongs to, as far as that is known; guarded by asks.mu once it is open
	free bool   // it came in no call, or outlives the one it came in; guarded likewise
}

// reply answers the backend, once, with a message that carries any id.
func (a *ask) reply(m *mcp.Message) {
	a.once.Do(func() { a.answer(m.RewriteResult(nil, mcp.ResultRewrite{ID: a.m.IDBytes()})) })
}

// refuse answers the backend, once, with an error.
func (a *ask) refuse(code int, text string) {
	a.once.Do(func() { a.answer(mcp.AppendError(nil, a.m.IDBytes(), code, text, nil)) })
}

// asks are the open requests of backends to legacy clients.
type asks struct {
	mu   sync.Mutex
	open map[*session.Session]map[uint64]*ask
}

func (v *asks) put(s *session.Session, a *ask) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open == nil {
		v.open = make(map[*session.Session]map[uint64]*ask)
	}
	if v.open[s] == nil {
		v.open[s] = make(map[uint64]*ask)
	}
	v.open[s][a.id] = a
}

// settle drops all that a session has open if it ended while something was put there.
func (v *asks) settle(s *session.Session) {
	if s.Context().Err() != nil {
		v.drop(s)
	}
}

// get returns an open ask and leaves it there.
func (v *asks) get(s *session.Session, id uint64) *ask {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.open[s][id]
}

func (v *asks) take(s *session.Session, id uint64) *ask {
	v.mu.Lock()
	defer v.mu.Unlock()
	a := v.open[s][id]
	if delete(v.open[s], id); len(v.open[s]) == 0 {
		delete(v.open, s)
	}
	return a
}

// drop refuses all that a session has open, when it ends.
func (v *asks) drop(s *session.Session) {
	v.mu.Lock()
	all := v.open[s]
	delete(v.open, s)
	v.mu.Unlock()
	for _, a := range all {
		a.refuse(mcp.CodeInternal, "the client's session has ended")
	}
}

// of returns the open ask that came with a backend's id over a link, and whether it is free.
func (v *asks) of(l *link, id []byte) (a *ask, free bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, open := range v.open {
		for _, a := range open {
			if a.link == l && string(a.m.IDBytes()) == string(id) {
				return a, a.free
			}
		}
	}
	return nil, false
}

// freeOf returns the free asks of a link, or of one of its tasks.
func (v *asks) freeOf(l *link, task string) (all []*ask) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, open := range v.open {
		for _, a := range open {
			if a.link == l && a.free && (task == "" || a.task == task) {
				all = append(all, a)
			}
		}
	}
	return all
}

// free lets an ask outlive its call, since it belongs to a task.
func (v *asks) free(a *ask, task string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	a.task, a.free = task, true
}

// release lets a question outlive its call, since it belongs to a task.
func (g *Gateway) release(a *ask, task string) {
	g.asks.free(a, task)
	if a.link.isLost() { // perhaps after the others were withdrawn
		g.withdraw(a, a.client.Session.Send)
	}
}

// withdrawFree withdraws the free questions of a link, or of one of its tasks.
func (g *Gateway) withdrawFree(l *link, task string) {
	for _, a := range g.asks.freeOf(l, task) {
		g.withdraw(a, a.client.Session.Send)
	}
}

// askFree passes a backend's request that came in no call to a legacy client, on the session's own stream.
func (g *Gateway) askFree(c *Client, l *link, m *mcp.Message, answer func([]byte), task string) {
	a := g.newAsk(c, l, m, answer)
	a.task, a.free = task, true
	if g.put(a, c.Session.Send) && l.isLost() { // perhaps after the others were withdrawn
		g.withdraw(a, c.Session.Send)
	}
}

// askLegacy passes a backend's request to a legacy client through send. It returns nil if that client cannot be asked.
func (g *Gateway) askLegacy(c *Client, l *link, m *mcp.Message, answer func([]byte), send func([]byte)) *ask {
	a := g.newAsk(c, l, m, answer)
	if !g.put(a, send) {
		return nil
	}
	return a
}

func (g *Gateway) newAsk(c *Client, l *link, m *mcp.Message, answer func([]byte)) *ask {
	return &ask{id: g.nextID(), m: m.Clone(), link: l, client: c, answer: answer}
}

// put opens an ask and sends it, unless the client cannot be asked: then it is refused.
func (g *Gateway) put(a *ask, send func([]byte)) bool {
	c := a.client
	if why := cannotAskIn(c.Meta, a.m); why != "" {
		a.refuse(mcp.CodeMethodNotFound, why)
		return false
	}
	g.asks.put(c.Session, a)
	defer g.asks.settle(c.Session)
	g.owners.noteElicitation(c.Session, a.link.b.name, a.m.Bytes(a.m.Params))
	send(a.m.RewriteRequest(nil, mcp.RequestRewrite{ID: a.id}))
	return true
}

// withdraw tells the client that a question needs no answer any more.
func (g *Gateway) withdraw(a *ask, send func([]byte)) {
	if g.asks.take(a.client.Session, a.id) == nil {
		return
	}
	a.refuse(mcp.CodeInternal, "the request it belongs to has ended")
	send(mcp.AppendNotification(nil, mcp.NoteCancelled, fmt.Appendf(nil, `{"requestId":%d}`, a.id)))
}

// Answer takes a legacy client's answer to a request of a backend. One that nobody waits for is dropped.
func (g *Gateway) Answer(c *Client, m *mcp.Message) {
	id, ok := m.IntID()
	if !ok || c.Session == nil {
		return
	}
	if a := g.asks.take(c.Session, id); a != nil {
		a.reply(m)
	}
}

// askProgress passes a client's progress report on a backend's request to that backend.
func (g *Gateway) askProgress(c *Client, m *mcp.Message) (to *link, body []byte) {
	token, ok := mcp.Uint(m.Value(mcp.FieldToken))
	if !ok || c.Session == nil {
		return nil, nil
	}
	a := g.asks.get(c.Session, token)
	if a == nil || !a.m.Has(mcp.FieldMetaToken) {
		return nil, nil
	}
	return a.link, retoken(m, a.m.Value(mcp.FieldMetaToken))
}

// cannotAsk decides, from a client's raw capabilities, whether a backend's request may go to it; it returns
// the reason why not, or "". Methods that no capability speaks of may.
func cannotAsk(capabilities []byte, m *mcp.Message) string {
	switch m.Method {
	case mcp.MethodSampling:
		if mcp.Member(capabilities, "sampling") == nil {
			return "the client does not support sampling"
		}
	case mcp.MethodRoots:
		if mcp.Member(capabilities, "roots") == nil {
			return "the client does not support roots"
		}
	case mcp.MethodElicit:
		return cannotElicit(mcp.Member(capabilities, "elicitation"), m.Bytes(m.Params))
	}
	return ""
}

// cannotAskIn is cannotAsk for a client of a version, which may lack what the client says it can.
func cannotAskIn(c mcp.ClientMeta, m *mcp.Message) string {
	if m.Method == mcp.MethodElicit && mcp.EraOf(c.Version) == mcp.Legacy && c.Version < mcp.Version20250618 {
		return "the client's protocol version " + c.Version + " has no elicitation"
	}
	return cannotAsk(c.Capabilities, m)
}

// cannotElicit: an elicitation capability that names no mode means forms.
func cannotElicit(capability, params []byte) string {
	if capability == nil {
		return "the client does not support elicitation"
	}
	if mode, _ := mcp.Unquote(mcp.Member(params, "mode")); mode == "url" && mcp.Member(capability, "url") == nil {
		return "the client does not support elicitation by URL"
	}
	return ""
}
