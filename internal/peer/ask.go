package peer

import (
	"sync/atomic"

	"onemcp/internal/mcp"
)

// maxAsks is how many requests of the other side may wait for an answer.
const maxAsks = 1000

// An ask is an open request of the other side.
type ask struct {
	p        *Peer
	id       string // raw
	call     uint64 // whose handler has it; 0: the connection's
	answered atomic.Bool
}

// receiveAsk hands a request to the call it belongs to, or to the connection's handler. A ping is
// about this connection alone and is answered here.
func (p *Peer) receiveAsk(m *mcp.Message) {
	if m.Method == mcp.MethodPing {
		p.out.Push(mcp.AppendResult(nil, m.IDBytes(), []byte("{}")))
		return
	}
	a := &ask{p: p, id: string(m.IDBytes())}
	if !p.keepAsk(a) {
		p.out.Push(mcp.AppendError(nil, m.IDBytes(), mcp.CodeInternal, "too many requests are waiting for an answer", nil))
		return
	}
	if c := p.soleOwner(); c != nil {
		a.call = c.id
		if c.ask(m, a.answer) {
			return
		}
	}
	a.call = 0
	p.up.Ask(m, a.answer)
}

func (p *Peer) keepAsk(a *ask) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.asks) >= maxAsks {
		return false
	}
	p.asks[a.id] = a
	return true
}

// answer sends the answer, once.
func (a *ask) answer(body []byte) {
	if a.answered.Swap(true) {
		return
	}
	a.p.mu.Lock()
	if a.p.asks[a.id] == a {
		delete(a.p.asks, a.id)
	}
	a.p.mu.Unlock()
	a.p.out.Push(body)
}

// withdraw hands on that the other side cancels one of its own requests, to the call that has the request or, if that is
// over, to the connection's handler. It is not answered any more.
func (p *Peer) withdraw(m *mcp.Message) {
	id := string(m.Value(mcp.FieldRequestID))
	p.mu.Lock()
	a := p.asks[id]
	delete(p.asks, id)
	p.mu.Unlock()
	if a == nil || a.answered.Swap(true) {
		return // answered, or never asked
	}
	if a.call != 0 {
		if c := p.find(a.call); c != nil && c.notify(m) {
			return
		}
	}
	p.up.Notify(m)
}
