package session

import (
	"context"

	"onemcp/internal/life"
)

// Call is a request in flight. Make it with [Session.Begin].
type Call struct {
	ctx     life.Context
	session *Session // nil when it has finished: those who still know the context shall not keep the session
	id      string   // raw
}

// Context ends with the context that the request was begun with, with the session, when the client cancels the request, and
// when it has finished.
func (c *Call) Context() context.Context { return &c.ctx }

// Finish says that the request is over. It must be called once.
func (c *Call) Finish() {
	c.ctx.End(nil)
	s := c.session
	c.session = nil
	s.open.Add(-1)
	s.mu.Lock()
	s.calls.remove(c)
	s.mu.Unlock()
}

// calls are those of a session. Most clients have one at a time, and between them an idle session shall keep nothing for it.
type calls struct {
	one  *Call            // any of them; nil: there are none, or all are in more
	more map[string]*Call // by id; nil: one has been enough
}

// find returns the call of a raw id, nil if there is none.
func (s *calls) find(id []byte) *Call {
	if s.one != nil && s.one.id == string(id) {
		return s.one
	}
	return s.more[string(id)]
}

// add takes in a call whose id no other has.
func (s *calls) add(c *Call) {
	if s.one == nil {
		s.one = c
		return
	}
	if s.more == nil {
		s.more = make(map[string]*Call)
	}
	s.more[c.id] = c
}

func (s *calls) remove(c *Call) {
	if s.one == c {
		s.one = nil
	} else {
		delete(s.more, c.id)
	}
}

func (s *calls) all(yield func(*Call) bool) {
	if s.one != nil && !yield(s.one) {
		return
	}
	for _, c := range s.more {
		if !yield(c) {
			return
		}
	}
}
