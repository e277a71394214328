package remote

import (
	"context"
	"sync"
	"time"

	"onemcp/internal/life"
)

// tasks are the goroutines of a connection that belong to no call. The zero value takes none.
type tasks struct {
	mu      sync.Mutex
	open    bool          // between start and stop
	ctx     *life.Context // nil while there is none
	count   int
	running sync.WaitGroup
}

func (t *tasks) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = true
}

// run runs f in a goroutine, with a context that ends with the connection, and reports whether it
// does: not before start nor after stop. The context is kept no longer than somebody needs it.
func (t *tasks) run(f func(context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.open {
		return false
	}
	if t.ctx == nil {
		t.ctx = new(life.Context)
	}
	ctx := t.ctx
	t.count++
	t.running.Go(func() {
		f(ctx)
		t.left()
	})
	return true
}

func (t *tasks) left() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count--; t.count == 0 && t.open {
		t.ctx = nil
	}
}

// shut takes no more of them and returns the context of those there are, nil if there are none.
func (t *tasks) shut() *life.Context {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = false
	return t.ctx
}

// stop ends all of them and waits.
func (t *tasks) stop() {
	if ctx := t.shut(); ctx != nil {
		ctx.End(nil)
		t.running.Wait()
	}
}

// finish takes no more of them, gives those there are a while to end by themselves, ends the others, and waits.
func (t *tasks) finish(while time.Duration) {
	ctx := t.shut()
	if ctx == nil {
		return
	}
	defer ctx.End(nil)
	defer time.AfterFunc(while, func() { ctx.End(nil) }).Stop()
	t.running.Wait()
}
