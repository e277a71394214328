package remote

import (
	"sync/atomic"

	"onemcp/internal/mcp"
)

// An ask is an open request of the backend.
type ask struct {
	l        *ledger
	id       string // raw
	call     uint64 // whose sink has it; 0: the connection's; guarded by l.mu
	answered atomic.Bool
}

// receiveAsk hands a request to the call it belongs to, or to the connection's sink. A ping is
// about the connection alone and is answered here. A modern backend may ask nothing, and there is no way to
// answer it.
func (l *ledger) receiveAsk(m *mcp.Message, home *call) {
	if l.mute.Load() {
		l.drop("the backend sent a request, which its version of the protocol does not know")
		return
	}
	if m.Method == mcp.MethodPing {
		l.to.reply(mcp.AppendResult(nil, m.IDBytes(), []byte("{}")))
		return
	}
	holder := home
	if holder == nil {
		holder = l.soleOwner()
	}
	a := &ask{l: l, id: string(m.IDBytes())}
	if holder != nil {
		a.call = holder.ID
	}
	if !l.keepAsk(a) {
		l.to.reply(mcp.AppendError(nil, m.IDBytes(), mcp.CodeInternal, "too many requests are waiting for an answer", nil))
		return
	}
	if holder != nil && holder.ask(m, a.answer) {
		return
	}
	l.mu.Lock()
	a.call = 0
	l.mu.Unlock()
	l.upMu.Lock()
	defer l.upMu.Unlock()
	l.up.Ask(m, a.answer)
}

func (l *ledger) keepAsk(a *ask) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.asks) >= maxAsks {
		return false
	}
	if l.asks == nil {
		l.asks = make(map[string]*ask)
	}
	l.asks[a.id] = a
	return true
}

// answer sends the answer, once.
func (a *ask) answer(body []byte) {
	if a.answered.Swap(true) {
		return
	}
	a.l.mu.Lock()
	if a.l.asks[a.id] == a {
		delete(a.l.asks, a.id)
	}
	a.l.mu.Unlock()
	a.l.to.reply(body)
}

// withdraw hands on that the backend cancels one of its own requests, to the call that has the request or, if that is over,
// to the connection's sink. It is not answered any more.
func (l *ledger) withdraw(m *mcp.Message) {
	id := string(m.Value(mcp.FieldRequestID))
	l.mu.Lock()
	a := l.asks[id]
	delete(l.asks, id)
	var holder *call
	if a != nil {
		holder = l.calls.find(a.call)
	}
	l.mu.Unlock()
	switch {
	case a == nil || a.answered.Swap(true): // answered, or never asked
	case holder == nil || !holder.notify(m):
		l.notify(m)
	}
}
