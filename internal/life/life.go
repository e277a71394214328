package life

import (
	"context"
	"sync"
	"time"
)

// Context is a context.Context that ends with its parent, or when it is told to. The zero value has no parent.
type Context struct {
	mu     sync.Mutex
	unlink func() bool   // from the parent; nil without one that can end
	cause  error         // why it has ended; nil: it has not
	done   chan struct{} // nil until asked for
	hooks  []*hook       // what is to be done at the end
	first  [1]*hook      // room for the usual number
}

// hook is something to do at the end.
type hook struct{ f func() }

// With returns a context that ends with parent. It must be told to end, or the parent keeps it.
func With(parent context.Context) *Context {
	c := new(Context)
	c.Follow(parent)
	return c
}

// Follow gives the context a parent, before anybody else uses it.
func (c *Context) Follow(parent context.Context) {
	c.mu.Lock() // a parent may end at any time
	defer c.mu.Unlock()
	if p, ok := parent.(*Context); ok {
		c.unlink = p.AfterFunc(func() { c.End(p.Err()) })
	} else if parent.Done() != nil {
		c.unlink = context.AfterFunc(parent, func() { c.End(context.Cause(parent)) })
	}
}

// Unfollow parts the context from its parent, whose end is not its own any more.
func (c *Context) Unfollow() {
	c.mu.Lock()
	unlink := c.unlink
	c.unlink = nil
	c.mu.Unlock()
	if unlink != nil {
		unlink()
	}
}

// End ends the context, unless it has ended. A nil cause stands for context.Canceled.
func (c *Context) End(cause error) {
	if cause == nil {
		cause = context.Canceled
	}
	c.mu.Lock()
	if c.cause != nil {
		c.mu.Unlock()
		return
	}
	c.cause = cause
	if c.done != nil {
		close(c.done)
	}
	hooks := c.hooks
	c.hooks = nil
	for _, h := range hooks {
		go h.f()
	}
	unlink := c.unlink
	c.mu.Unlock()
	if unlink != nil {
		unlink()
	}
}

// AfterFunc does f in a goroutine when the context has ended, unless stop is called before; stop reports whether it came before
// that. The standard library uses it for contexts that are made of this one.
func (c *Context) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		go f()
		return func() bool { return false }
	}
	h := &hook{f}
	if c.hooks == nil {
		c.hooks = c.first[:0]
	}
	c.hooks = append(c.hooks, h)
	return func() bool { return c.drop(h) }
}

// drop takes a hook away and reports whether it was there.
func (c *Context) drop(h *hook) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.hooks {
		if other == h {
			last := len(c.hooks) - 1
			c.hooks[i], c.hooks[last] = c.hooks[last], nil
			c.hooks = c.hooks[:last]
			return true
		}
	}
	return false
}

// Err implements context.Context: it returns the cause of the end, as context.Cause does.
func (c *Context) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// Done implements context.Context.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.cause != nil {
			close(c.done)
		}
	}
	return c.done
}

// Deadline implements context.Context: there is none.
func (c *Context) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value implements context.Context: there are none.
func (c *Context) Value(any) any { return nil }
