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
	answer func(body []byte)
	once   sync.Once
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

// of returns the open ask that came with a backend's id over a link.
func (v *asks) of(s *session.Session, l *link, id []byte) *ask {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, a := range v.open[s] {
		if a.link == l && string(a.m.IDBytes()) == string(id) {
			return a
		}
	}
	return nil
}

// askLegacy passes a backend's request to a legacy client through send.
func (g *Gateway) askLegacy(c *Client, l *link, m *mcp.Message, answer func([]byte), send func([]byte)) *ask {
	a := &ask{id: g.nextID(), m: m.Clone(), link: l, answer: answer}
	if why := cannotAskIn(c.Meta, m); why != "" {
		a.refuse(mcp.CodeMethodNotFound, why)
		return nil
	}
	g.asks.put(c.Session, a)
	defer g.asks.settle(c.Session)
	g.owners.noteElicitation(c.Session, l.b.name, m.Bytes(m.Params))
	send(a.m.RewriteRequest(nil, mcp.RequestRewrite{ID: a.id}))
	return a
}

// withdraw tells the client that a question needs no answer any more.
func (g *Gateway) withdraw(c *Client, a *ask, send func([]byte)) {
	if g.asks.take(c.Session, a.id) == nil {
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
