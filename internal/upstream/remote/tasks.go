package remote

import (
	"context"
	"sync"
	"time"
)

// tasks are the goroutines of a connection that belong to no call. The zero value takes none.
type tasks struct {
	mu      sync.Mutex
	open    bool            // between start and stop
	ctx     context.Context // nil until there is one
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func (t *tasks) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = true
}

// run runs f in a goroutine, with a context that ends with the connection, and reports whether it
// does: not before start nor after stop.
func (t *tasks) run(f func(context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.open {
		return false
	}
	if t.ctx == nil {
		t.ctx, t.cancel = context.WithCancel(context.Background())
	}
	ctx := t.ctx
	t.running.Go(func() { f(ctx) })
	return true
}

// shut takes no more of them and returns what ends those there are, nil if there never were any.
func (t *tasks) shut() context.CancelFunc {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = false
	return t.cancel
}

// stop ends all of them and waits.
func (t *tasks) stop() {
	if cancel := t.shut(); cancel != nil {
		cancel()
		t.running.Wait()
	}
}

// finish takes no more of them, gives those there are a while to end by themselves, ends the others, and waits.
func (t *tasks) finish(while time.Duration) {
	cancel := t.shut()
	if cancel == nil {
		return
	}
	defer cancel()
	defer time.AfterFunc(while, cancel).Stop()
	t.running.Wait()
}
