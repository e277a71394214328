package remote

import (
	"context"
	"sync"
	"time"
)

// tasks are the goroutines of a connection that belong to no call. The zero value takes none.
type tasks struct {
	mu      sync.Mutex
	ctx     context.Context // nil before start and after stop
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func (t *tasks) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ctx, t.cancel = context.WithCancel(context.Background())
}

// run runs f in a goroutine, with a context that ends with the connection, and reports whether it
// does: not before start nor after stop.
func (t *tasks) run(f func(context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx == nil {
		return false
	}
	ctx := t.ctx
	t.running.Go(func() { f(ctx) })
	return true
}

// stop ends all of them and waits.
func (t *tasks) stop() {
	t.mu.Lock()
	cancel := t.cancel
	t.ctx = nil
	t.mu.Unlock()
	cancel()
	t.running.Wait()
}

// finish takes no more of them, gives those there are a while to end by themselves, ends the others, and waits.
func (t *tasks) finish(while time.Duration) {
	t.mu.Lock()
	cancel := t.cancel
	t.ctx = nil
	t.mu.Unlock()
	defer cancel()
	defer time.AfterFunc(while, cancel).Stop()
	t.running.Wait()
}
