package gateway

import (
	"bytes"
	"fmt"

	"onemcp/internal/mcp"
)

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
	case mcp.NoteProgress:
		s.progress(m)
	case mcp.NoteCancelled:
		if a, free := b.g.asks.of(s.l, m.Value(mcp.FieldRequestID)); free {
			b.g.withdraw(a, a.client.Session.Send)
		}
	case mcp.NoteTaskStatus:
		s.status(m)
	case mcp.NoteElicitComplete:
		if !b.g.owners.tell(s.l, m) {
			b.log.Debug("notification that belongs to nobody", "method", m.Method)
		}
	default:
		s.pass(m)
	}
}

// pass passes what may belong to a task, a log message among others, to the client it is for.
func (s *linkSink) pass(m *mcp.Message) {
	task := m.RelatedTask()
	c := s.whose(task)
	switch {
	case c == nil && s.early(task, m):
	case c == nil || c.Session == nil:
		level, _ := m.Text(mcp.FieldLevel)
		s.l.b.log.Debug("notification that belongs to nobody", "method", m.Method, "level", level)
	case m.Method != mcp.NoteMessage || s.l.b.g.wantsLog(c, m):
		c.Session.Send(bytes.Clone(m.Raw))
	}
}

// whose returns the client that something is for: whose connection this is, or who has the task that it names; nil if that is
// nobody.
func (s *linkSink) whose(task string) *Client {
	if s.l.client != nil || task == "" {
		return s.l.client
	}
	listener := s.l.b.g.hub.of(s.l.b.g.owners.sessionOf(s.l, task))
	if listener == nil {
		return nil
	}
	return listener.client
}

// early keeps a notification that names a task which a call under way may have begun, until that call is over.
func (s *linkSink) early(task string, m *mcp.Message) bool {
	kept := m.Clone()
	return task != "" && s.l.errands.hold(func() { s.Notify(kept) })
}

// progress passes a report of a task: the call it began in is over.
func (s *linkSink) progress(m *mcp.Message) {
	token, ok := mcp.Uint(m.Value(mcp.FieldToken))
	if !ok {
		return
	}
	if to, own := s.l.errands.ofToken(token); to != nil {
		to.Send(retoken(m, own))
	}
}

// status tells of a task, and ends what belongs to it if it has ended.
func (s *linkSink) status(m *mcp.Message) {
	g := s.l.b.g
	id, _ := m.Text(mcp.FieldTaskID)
	switch known := g.owners.knows(s.l.b.name, id); {
	case !known && s.early(id, m):
		return
	case !g.owners.tell(s.l, m):
		s.l.b.log.Debug("notification that belongs to nobody", "method", m.Method)
	}
	if hasEnded(m.Bytes(m.Params)) {
		g.endTask(s.l, id)
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

// Ask implements upstream.Sink. There is somebody to ask on a connection that belongs to one session, and if the question
// names the task of one.
func (s *linkSink) Ask(m *mcp.Message, answer func([]byte)) {
	task := m.RelatedTask()
	c := s.whose(task)
	if c == nil && task != "" {
		kept := m.Clone()
		if s.l.errands.hold(func() { s.Ask(kept, answer) }) {
			return
		}
	}
	if c == nil || c.Session == nil {
		answer(s.l.refuse(m))
		return
	}
	s.l.b.g.askFree(c, s.l, m, answer, task)
}

// refuse answers a backend's request that belongs to no client that could be named.
func (l *link) refuse(m *mcp.Message) []byte {
	if m.Method == mcp.MethodPing {
		return mcp.AppendResult(nil, m.IDBytes(), []byte(`{}`))
	}
	text := fmt.Sprintf("1mcp cannot tell which client %s is for, since several share this connection (set \"isolation\": \"session\" for server %q)", m.Method, l.b.name)
	switch task := m.RelatedTask(); {
	case l.client != nil:
		text = fmt.Sprintf("the client of this connection cannot be asked for %s now", m.Method)
	case task != "":
		text = fmt.Sprintf("no client that is here has begun the task %q, to which %s belongs", task, m.Method)
	}
	return mcp.AppendError(nil, m.IDBytes(), mcp.CodeInvalidRequest, text, nil)
}
