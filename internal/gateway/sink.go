package gateway

import (
	"fmt"

	"onemcp/internal/mcp"
)

// callSink takes what a backend sends during one call.
type callSink struct {
	k *call
	l *link
	r uint64 // our id of the call, which is its progress token too
}

// Notify implements upstream.Sink.
func (s *callSink) Notify(m *mcp.Message) {
	switch m.Method {
	case mcp.NoteProgress:
		s.progress(m)
	case mcp.NoteMessage:
		if s.k.g.wantsLog(s.k.c, m) {
			s.k.send(m.Retag(nil, nil))
		}
	case mcp.NoteToolsChanged, mcp.NotePromptsChanged, mcp.NoteResourcesChanged, mcp.NoteResourceUpdated, mcp.NoteCancelled:
		(&linkSink{s.l}).Notify(m)
	default:
		if s.l.info.Era == s.k.c.Era {
			s.k.send(append([]byte(nil), m.Raw...))
		}
	}
}

// progress gives the client its own token back; reports for another call are dropped.
func (s *callSink) progress(m *mcp.Message) {
	token, ok := mcp.Uint(m.Value(mcp.FieldToken))
	own := s.k.m.Value(mcp.FieldMetaToken)
	if !ok || token != s.r || own == nil {
		return
	}
	s.k.send(mcp.Splice(nil, m.Raw, []mcp.Edit{{At: m.At(mcp.FieldToken), Text: own}}))
}

// Ask implements upstream.Sink. Questions in mid-call are refused with the reason.
func (s *callSink) Ask(m *mcp.Message, answer func([]byte)) { answer(s.l.refuse(m)) }

// refuse answers a backend's request that cannot be passed on.
func (l *link) refuse(m *mcp.Message) []byte {
	if m.Method == mcp.MethodPing {
		return mcp.AppendResult(nil, m.IDBytes(), []byte(`{}`))
	}
	text := fmt.Sprintf("1mcp does not pass %s from server %q to a client yet", m.Method, l.b.name)
	return mcp.AppendError(nil, m.IDBytes(), mcp.CodeMethodNotFound, text, nil)
}

// linkSink takes what a backend sends outside of any call.
type linkSink struct{ l *link }

// Notify implements upstream.Sink.
func (s *linkSink) Notify(m *mcp.Message) {
	b, owner := s.l.b, s.l.client
	switch m.Method {
	case mcp.NoteToolsChanged, mcp.NotePromptsChanged, mcp.NoteResourcesChanged:
		b.subs.listChanged(m.Method)
	case mcp.NoteResourceUpdated:
		if owner == nil {
			b.g.hub.updated(b.name, m)
		} else if owner.Session != nil {
			owner.Session.Send(m.Retag(nil, nil))
		}
	case mcp.NoteMessage:
		s.log(m)
	case mcp.NoteProgress, mcp.NoteCancelled:
	default:
		if owner != nil && owner.Session != nil {
			owner.Session.Send(append([]byte(nil), m.Raw...))
			return
		}
		b.log.Debug("notification that belongs to nobody", "method", m.Method)
	}
}

// log passes a log message to the one client the connection is for, or to our own log.
func (s *linkSink) log(m *mcp.Message) {
	if owner := s.l.client; owner != nil && owner.Session != nil {
		if s.l.b.g.wantsLog(owner, m) {
			owner.Session.Send(append([]byte(nil), m.Raw...))
		}
		return
	}
	level, _ := m.Text(mcp.FieldLevel)
	s.l.b.log.Debug("log message that belongs to no call", "level", level)
}

// Ask implements upstream.Sink.
func (s *linkSink) Ask(m *mcp.Message, answer func([]byte)) { answer(s.l.refuse(m)) }
