package gateway

import (
	"bytes"

	"onemcp/internal/mcp"
)

// callSink takes what a backend sends during one attempt of a call. It is entered by one goroutine at a time, and before the attempt
// has returned.
type callSink struct {
	k      *call
	l      *link
	r      uint64 // our id of the call, which is its progress token too
	errand bool   // a legacy client wants the call to become a task
	asks   []*ask // that this call has put to a legacy client
}

// open makes s the sink of a request that is about to be sent. It must be closed.
func (s *callSink) open(k *call, l *link, r uint64) {
	*s = callSink{k: k, l: l, r: r}
	if k.c.Session != nil && l.info.Era == mcp.Legacy && k.m.Has(mcp.FieldTask) {
		s.errand = true
		l.errands.open(r, k.c.Session, k.m.Value(mcp.FieldMetaToken))
	}
}

// Notify implements upstream.Sink.
func (s *callSink) Notify(m *mcp.Message) {
	switch m.Method {
	case mcp.NoteProgress:
		s.progress(m)
	case mcp.NoteMessage:
		if !s.mayHave(m.RelatedTask()) {
			s.l.sink.Notify(m)
		} else if s.k.parked != nil {
			s.k.parked.notify(m)
		} else if s.k.g.wantsLog(s.k.c, m) {
			s.k.send(m.Retag(nil, nil))
		}
	case mcp.NoteCancelled:
		s.withdraw(m)
	case mcp.NoteToolsChanged, mcp.NotePromptsChanged, mcp.NoteResourcesChanged, mcp.NoteResourceUpdated,
		mcp.NoteTaskStatus, mcp.NoteElicitComplete:
		s.l.sink.Notify(m)
	default:
		if !s.mayHave(m.RelatedTask()) {
			s.l.sink.Notify(m)
		} else if s.l.info.Era == s.k.c.Era {
			s.k.send(bytes.Clone(m.Raw))
		}
	}
}

// mayHave reports whether what came with this call, and names a task or none, is for its client. That it came with the call
// says little where clients share a connection on which calls have no streams of their own: another one may have no call in
// flight and yet a task that goes on, of which not every server says that a message belongs to it.
func (s *callSink) mayHave(task string) bool {
	if task == "" {
		return s.l.info.Streams || s.l.client != nil || !s.l.errands.others(s.k.c.Session)
	}
	if owner := s.k.g.owners.sessionOf(s.l, task); owner != nil {
		return owner == s.k.c.Session
	}
	if s.l.client != nil || s.errand && s.l.errands.sole() {
		return true
	}
	if s.k.c.Session == nil { // a modern client has no tasks here
		return false
	}
	named, _ := s.k.m.Text(mcp.FieldTaskID)
	return named == task
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
		return
	}
	switch a, free := s.k.g.asks.of(s.l, id); {
	case a == nil:
	case free:
		s.k.g.withdraw(a, a.client.Session.Send)
	default:
		s.k.g.withdraw(a, s.k.send)
	}
}

// Ask implements upstream.Sink. A legacy client gets the question on the stream of its call; a modern
// one gets it as the call's result.
func (s *callSink) Ask(m *mcp.Message, answer func([]byte)) {
	task := m.RelatedTask()
	switch {
	case !s.mayHave(task):
		s.l.sink.Ask(m, answer)
	case s.k.parked != nil:
		s.k.parked.ask(s.l, m, answer)
	case s.k.c.Session != nil:
		s.askLegacy(m, answer, task)
	default:
		answer(s.l.refuse(m))
	}
}

// askLegacy puts a question to a legacy client. One that comes while the client asks about a task belongs to the task.
func (s *callSink) askLegacy(m *mcp.Message, answer func([]byte), task string) {
	if task == "" && aboutTasks(s.k.m.Method) {
		task, _ = s.k.m.Text(mcp.FieldTaskID)
	}
	a := s.k.g.newAsk(s.k.c, s.l, m, answer)
	a.task, a.free = task, task != ""
	if !s.k.g.put(a, s.k.send) {
		return
	}
	s.asks = append(s.asks, a)
}

// close withdraws the questions that the call leaves open, but for those that may be of another call, or of tasks: what
// the call was answered with may be one.
func (s *callSink) close(reply *mcp.Message, err error) {
	if !s.errand && len(s.asks) == 0 {
		return
	}
	begun := ""
	if err == nil && s.k.c.Session != nil {
		if begun = taskBegun(reply); begun != "" {
			s.k.g.owners.addTask(s.k.c, s.l.b.name, begun)
		}
	}
	for _, a := range s.asks {
		switch {
		case a.task == "" && begun != "":
			s.k.g.release(a, begun)
		case a.task == "" && s.mayBeOfAnother():
			s.k.g.release(a, "")
		case !s.leaves(a):
			s.k.g.withdraw(a, s.k.send)
		}
	}
	if s.errand {
		s.l.errands.settle(s.r, s.k.c.Session, begun)
	}
}

// mayBeOfAnother reports whether a question that came with this call may be that of another one of the session: where calls
// share a stream, the oldest of them gets what names none.
func (s *callSink) mayBeOfAnother() bool { return !s.l.info.Streams && s.k.c.Session.InFlight() > 1 }

// leaves reports whether a question outlives the call by itself: it names a task, and not one that this call was to begin and
// did not.
func (s *callSink) leaves(a *ask) bool {
	return a.task != "" && (!s.errand || s.k.g.owners.knows(s.l.b.name, a.task))
}
