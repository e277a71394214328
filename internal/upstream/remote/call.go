package remote

import (
	"errors"
	"io"
	"sync"

	"onemcp/internal/life"
	"onemcp/internal/mcp"
	"onemcp/internal/peer"
	"onemcp/internal/upstream"
)

// errAnswered ends the context of a call whose answer has come on another stream than its own.
var errAnswered = errors.New("answered")

// A call is in the ledger from its beginning until its Call returns.
type call struct {
	*upstream.Request
	up     upstream.Sink
	serial uint64 // by age
	pours  bool   // its answer has begun to go up; guarded by the ledger

	// ctx ends with the caller's context, with the connection, by an answer on another stream, or by release.
	ctx  life.Context
	body payload // of its request
	left bool    // a task ends ctx, when it has seen the end of the stream

	message mcp.Message // the last one of the call's own stream, which ends with the answer; of the goroutine that reads it

	wake chan struct{} // closed when the answer has come on another stream; nil: ctx ends instead

	mu       sync.Mutex // held while up is called
	over     bool       // nothing goes to up any more
	answered bool
	answer   *mcp.Message
}

// Attribution says whose the call is. One that is being answered is nobody's any more, as one that was answered.
func (c *call) Attribution() peer.Attribution {
	if c.pours {
		return peer.Attribution{}
	}
	return peer.Attribution{Owner: c.Owner, Serial: c.serial, Listen: c.Method == mcp.MethodListen}
}

// complete stores the answer, which the call keeps, and reports whether it is the first.
func (c *call) complete(m *mcp.Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	c.answered, c.over, c.answer = true, true, m
	return true
}

// pour asks for somebody to take the answer while it comes. If there is one, nothing else goes up any more.
func (c *call) pour(r upstream.Coming) io.WriteCloser {
	up, ok := c.up.(upstream.Pourer)
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return nil
	}
	to := up.Pour(&c.ctx, r)
	c.over = to != nil
	return to
}

// poured notes that the answer that has begun was taken whole.
func (c *call) poured() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered, c.answer = true, &mcp.Message{Kind: mcp.Result}
}

// completeElsewhere is complete for an answer that its caller must be told of.
func (c *call) completeElsewhere(m *mcp.Message) {
	switch {
	case !c.complete(m):
	case c.wake != nil:
		close(c.wake)
	default:
		c.ctx.End(errAnswered)
	}
}

// release ends the call's context, which ends its HTTP request if that still goes on.
func (c *call) release() {
	c.ctx.Unfollow()
	if !c.left {
		c.ctx.End(nil)
	}
}

// finish keeps everybody from entering up again, and reports whether the call was answered.
func (c *call) finish() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	return c.answered
}

// isOver reports whether nothing goes up any more.
func (c *call) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// isAnswered reports whether the answer is here.
func (c *call) isAnswered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// notify hands m up and reports whether it could.
func (c *call) notify(m *mcp.Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.up.Notify(m)
	}
	return !c.over
}

// ask hands m up and reports whether it could.
func (c *call) ask(m *mcp.Message, answer func([]byte)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.up.Ask(m, answer)
	}
	return !c.over
}

// answers reports whether m, on the call's own stream, is its answer. An error that names no request
// is: the backend could not read the id.
func (c *call) answers(m *mcp.Message) bool {
	if id, ok := m.IntID(); ok {
		return id == c.ID
	}
	return m.Kind == mcp.Error && string(m.IDBytes()) == "null"
}
