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
	delete(s.calls, c.id)
	s.mu.Unlock()
}
