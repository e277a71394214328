package life

import (
	"context"
	"sync"
	"time"
)

// Context is a context.Context that ends with its parent, or when it is told to. The zero value has no parent.
type Context struct {
	mu     sync.Mutex
	unlink func() bool     // from a parent of the standard library; nil without one that can end
	parent *Context        // nil without one of this kind
	values context.Context // nil: those of the parent
	cause  error           // why it has ended; nil: it has not
	done   chan struct{}   // nil until asked for
	hooks  *Hook           // what is to be done at the end; the newest first
	child  *Context        // one of those to end with it; nil without any
	family siblings
}

// siblings are the other children of the same parent, whose mutex guards them.
type siblings struct{ before, after *Context }

// Hook is something to do at the end of a context, in the memory of who wants it done. The zero value is ready, and so is one that
// was taken off.
type Hook struct {
	f    func()
	next *Hook
}

// take empties a hook that leaves the list, which who could stop it still holds, and returns the next one.
func (h *Hook) take() (next *Hook) {
	next = h.next
	*h = Hook{}
	return next
}

// With returns a context that ends with parent. It must be told to end, or the parent keeps it.
func With(parent context.Context) *Context {
	c := new(Context)
	c.Follow(parent)
	return c
}

// Within returns a context that ends with parent, and after d with a cause. stop must be called.
func Within(parent context.Context, d time.Duration, cause error) (c *Context, stop func()) {
	c = With(parent)
	timer := time.AfterFunc(d, func() { c.End(cause) })
	return c, func() {
		timer.Stop()
		c.End(nil)
	}
}

// Follow gives the context a parent, before anybody else uses it.
func (c *Context) Follow(parent context.Context) {
	if p, ok := parent.(*Context); ok {
		c.parent = p
		p.adopt(c)
		return
	}
	if parent.Done() == nil {
		return
	}
	c.mu.Lock() // the parent may end at any time
	defer c.mu.Unlock()
	c.unlink = context.AfterFunc(parent, func() { c.End(context.Cause(parent)) })
}

// Carry gives the context the values of another, one that cannot end, before anybody else uses it. Those that follow it
// have them too.
func (c *Context) Carry(values context.Context) { c.values = values }

// adopt has child end with c.
func (c *Context) adopt(child *Context) {
	c.mu.Lock()
	cause := c.cause
	if cause == nil {
		if child.family.after = c.child; c.child != nil {
			c.child.family.before = child
		}
		c.child = child
	}
	c.mu.Unlock()
	if cause != nil {
		child.End(cause)
	}
}

// forget undoes adopt.
func (c *Context) forget(child *Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.part(child)
}

// part takes child from the list of children, if it is there. The caller holds c.mu.
func (c *Context) part(child *Context) {
	of := child.family
	switch {
	case of.before != nil:
		of.before.family.after = of.after
	case c.child == child:
		c.child = of.after
	default:
		return
	}
	if of.after != nil {
		of.after.family.before = of.before
	}
	child.family = siblings{}
}

// endChild ends one of the children, and reports whether there was one left.
func (c *Context) endChild(cause error) bool {
	c.mu.Lock()
	child := c.child
	if child != nil {
		c.part(child)
	}
	c.mu.Unlock()
	if child == nil {
		return false
	}
	child.End(cause)
	return true
}

// Unfollow parts the context from its parent, whose end is not its own any more.
func (c *Context) Unfollow() {
	c.mu.Lock()
	unlink := c.unlink
	c.unlink = nil
	c.mu.Unlock()
	c.leave(unlink)
}

// leave is Unfollow for one that was linked to a parent of the standard library, or was not.
func (c *Context) leave(unlink func() bool) {
	if unlink != nil {
		unlink()
	}
	if c.parent != nil {
		c.parent.forget(c)
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
	for c.hooks != nil {
		go c.hooks.f()
		c.hooks = c.hooks.take()
	}
	unlink, parent := c.unlink, c.child != nil
	c.unlink = nil
	c.mu.Unlock()
	c.leave(unlink)
	for parent && c.endChild(cause) {
	}
}

// AfterFunc does f in a goroutine when the context has ended, unless stop is called before; stop reports whether it came before
// that. The standard library uses it for contexts that are made of this one.
func (c *Context) AfterFunc(f func()) (stop func() bool) {
	h := new(Hook)
	c.Hang(h, f)
	return func() bool { return c.TakeOff(h) }
}

// Hang is AfterFunc that allocates nothing. A hook hangs on one context at a time.
func (c *Context) Hang(h *Hook, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		go f()
		return
	}
	h.f, h.next = f, c.hooks
	c.hooks = h
}

// AfterFunc is context.AfterFunc, which for a context of this kind keeps much less than the standard library does.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	if c, ok := ctx.(*Context); ok {
		return c.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}

// TakeOff takes a hook off and reports whether it was there: else what it is for has been done, or is being done.
func (c *Context) TakeOff(h *Hook) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := &c.hooks; *at != nil; at = &(*at).next {
		if *at == h {
			*at = h.take()
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

// Value implements context.Context: there are those that were given to the context, or to the first of its kind that it
// follows.
func (c *Context) Value(key any) any {
	for ; c != nil; c = c.parent {
		if c.values != nil {
			return c.values.Value(key)
		}
	}
	return nil
}
