package gateway

import (
	"context"
	"time"

	"onemcp/internal/catalog"
)

// firstLists bounds, from a backend's beginning on, how long others wait for its first lists: one that hangs must not
// keep them.
const firstLists = 5 * time.Second

// Settled waits until no backend of a selection is in its first start: each has been listed, or has failed once. It
// waits for none longer than five seconds from its beginning on.
func (g *Gateway) Settled(ctx context.Context, s catalog.Selector) {
	g.awaitFirst(ctx, s, func(*generation, *catalog.View) bool { return false })
}

// awaitFirst waits until enough is true of the newest catalog, or no backend of the selection is in its first start.
func (g *Gateway) awaitFirst(ctx context.Context, s catalog.Selector, enough func(*generation, *catalog.View) bool) {
	for {
		changed := g.status.next()
		gen := g.current.Load()
		view, err := gen.catalog.View(s)
		if err != nil || enough(gen, view) || !gen.pauseFirst(ctx, view, changed) {
			return
		}
	}
}

// pauseFirst waits for a change while a backend of the view is in its first start, and reports whether one came.
func (n *generation) pauseFirst(ctx context.Context, view *catalog.View, changed <-chan struct{}) bool {
	var until time.Time
	for i, b := range n.order {
		if view.Shows(i) && b.unheard() && b.made.After(until) {
			until = b.made
		}
	}
	wait := time.Until(until.Add(firstLists))
	if wait <= 0 {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-changed:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// unheard reports whether the backend is in its first start: it has neither been listed nor failed.
func (b *backend) unheard() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.heard && b.state == Starting && b.attempts <= 1
}

// search looks for what the client names in the newest catalog. What is not found may be what a backend has that only
// starts: then it looks again at each newer one.
func (k *call) search(ctx context.Context, look func(*catalog.View) bool) {
	k.g.awaitFirst(ctx, k.c.Scope.Selector, func(gen *generation, view *catalog.View) bool {
		k.gen = gen
		return look(view)
	})
}
