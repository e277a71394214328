package gateway

import (
	"bytes"
	"fmt"
	"sync"

	"onemcp/internal/mcp"
)

// callSink takes what a backend sends during one call.
type callSink struct {
	k *call
	l *link
	r uint64 // our id of the call, which is its progress token too

	mu   sync.Mutex
	asks []*ask // that this call has put to a legacy client
}

// Notify implements upstream.Sink.
func (s *callSink) Notify(m *mcp.Message) {
	switch m.Method {
	case mcp.NoteProgress:
		s.progress(m)
	case mcp.NoteMessage:
		if s.k.parked != nil {
			s.k.parked.notify(m)
		} else if s.k.g.wantsLog(s.k.c, m) {
			s.k.send(m.Retag(nil, nil))
		}
	case mcp.NoteCancelled:
		s.withdraw(m)
	case mcp.NoteToolsChanged, mcp.NotePromptsChanged, mcp.NoteResourcesChanged, mcp.NoteResourceUpdated,
		mcp.NoteTaskStatus, mcp.NoteElicitComplete:
		(&linkSink{s.l}).Notify(m)
	default:
		if s.l.info.Era == s.k.c.Era {
			s.k.send(bytes.Clone(m.Raw))
		}
	}
}

// progress gives the client its own token back; reports for another call are dropped.
func (s *callSink) progress(m *mcp.Message) {
	if token, ok := mcp.Uint(m.Value(mcp.FieldToken)); !ok || token != s.r {
		return
	}
	if s.k.parked != nil {
		s.k.parked.notify(m)
	} else if own := s.k.m.Value(mcp.FieldMetaToken); own != nil {
		s.k.send(retoken(m, own))
	}
}

// retoken returns a progress report with another token.
func retoken(m *mcp.Message, token []byte) []byte {
	return mcp.Splice(nil, m.Raw, []mcp.Edit{{At: m.At(mcp.FieldToken), Text: token}})
}

// withdraw passes on that the backend cancels one of its own requests.
func (s *callSink) withdraw(m *mcp.Message) {
	id := m.Value(mcp.FieldRequestID)
	if p := s.k.parked; p != nil {
		p.withdraw(id)
	} else if a := s.k.g.asks.of(s.k.c.Session, s.l, id); a != nil {
		s.k.g.withdraw(s.k.c, a, s.k.send)
	}
}

// Ask implements upstream.Sink. A legacy client gets the question on the stream of its call; a modern
// one gets it as the call's result.
func (s *callSink) Ask(m *mcp.Message, answer func([]byte)) {
	switch {
	case s.k.parked != nil:
		s.k.parked.ask(s.l, m, answer)
	case s.k.c.Session != nil:
		a := s.k.g.askLegacy(s.k.c, s.l, m, answer, s.k.send)
		s.mu.Lock()
		s.asks = append(s.asks, a)
		s.mu.Unlock()
	default:
		answer(s.l.refuse(m))
	}
}

// close withdraws the questions that the call leaves open.
func (s *callSink) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.asks {
		if a != nil {
			s.k.g.withdraw(s.k.c, a, s.k.send)
		}
	}
}

// refuse answers a backend's request that belongs to no client that could be named.
func (l *link) refuse(m *mcp.Message) []byte {
	if m.Method == mcp.MethodPing {
		return mcp.AppendResult(nil, m.IDBytes(), []byte(`{}`))
	}
	text := fmt.Sprintf("1mcp cannot tell which client %s is for, since several share this connection (set \"isolation\": \"session\" for server %q)", m.Method, l.b.name)
	if l.client != nil {
		text = fmt.Sprintf("the client of this connection cannot be asked for %s now", m.Method)
	}
	return mcp.AppendError(nil, m.IDBytes(), mcp.CodeInvalidRequest, text, nil)
}

// linkSink takes what a backend sends outside of any call.
type linkSink struct{ l *link }

// Notify implements upstream.Sink.
func (s *linkSink) Notify(m *mcp.Message) {
	b, owner := s.l.b, s.l.client
	switch m.Method {
	case mcp.NoteToolsChanged, mcp.NotePromptsChanged, mcp.NoteResourcesChanged:
		s.listChanged(m)
	case mcp.NoteResourceUpdated:
		if owner == nil {
			b.g.hub.updated(s.l.subscriptions(), m)
		} else if owner.Session != nil {
			owner.Session.Send(m.Retag(nil, nil))
		}
	case mcp.NoteMessage:
		s.log(m)
	case mcp.NoteProgress:
	case mcp.NoteCancelled:
		s.withdraw(m)
	case mcp.NoteTaskStatus, mcp.NoteElicitComplete:
		if !b.g.owners.tell(b.name, m) {
			b.log.Debug("notification that belongs to nobody", "method", m.Method)
		}
	default:
		if owner != nil && owner.Session != nil {
			owner.Session.Send(bytes.Clone(m.Raw))
			return
		}
		b.log.Debug("notification that belongs to nobody", "method", m.Method)
	}
}

// listChanged: the catalog is made of what the shared connection lists, and that tells of its changes itself. What a
// client's own connection says concerns that client alone, where it sees the backend's own lists; for the others it is a
// reason to look.
func (s *linkSink) listChanged(m *mcp.Message) {
	owner := s.l.client
	if owner == nil {
		s.l.b.subs.listChanged(m.Method)
		return
	}
	if owner.Session != nil && owner.Scope.Backend != "" {
		owner.Session.Send(m.Retag(nil, nil))
	}
	s.l.b.subs.refresh()
}

// log passes a log message to the one client the connection is for, or to our own log.
func (s *linkSink) log(m *mcp.Message) {
	if owner := s.l.client; owner != nil && owner.Session != nil {
		if s.l.b.g.wantsLog(owner, m) {
			owner.Session.Send(bytes.Clone(m.Raw))
		}
		return
	}
	level, _ := m.Text(mcp.FieldLevel)
	s.l.b.log.Debug("log message that belongs to no call", "level", level)
}

func (s *linkSink) withdraw(m *mcp.Message) {
	owner := s.l.client
	if owner == nil || owner.Session == nil {
		return
	}
	if a := s.l.b.g.asks.of(owner.Session, s.l, m.Value(mcp.FieldRequestID)); a != nil {
		s.l.b.g.withdraw(owner, a, owner.Session.Send)
	}
}

// Ask implements upstream.Sink. Only on a connection that belongs to one session there is somebody to ask.
func (s *linkSink) Ask(m *mcp.Message, answer func([]byte)) {
	owner := s.l.client
	if owner == nil || owner.Session == nil {
		answer(s.l.refuse(m))
		return
	}
	s.l.b.g.askLegacy(owner, s.l, m, answer, owner.Session.Send)
}
