package upstream

import (
	"context"

	"golang.org/x/sync/semaphore"

	"onemcp/internal/mcp"
)

// Limiter bounds how many calls are under way at a time, over all connections that it wraps. A nil Limiter
// bounds nothing.
type Limiter struct{ room *semaphore.Weighted }

// NewLimiter returns a limiter of n calls, nil if n is not positive.
func NewLimiter(n int) *Limiter {
	if n <= 0 {
		return nil
	}
	return &Limiter{semaphore.NewWeighted(int64(n))}
}

// Wrap lets calls into next as the limiter admits them; the others wait in order until their context ends. Results come whole.
func (l *Limiter) Wrap(next Caller) Caller {
	if l == nil {
		return next
	}
	return &limited{next, l.room}
}

type limited struct {
	next Caller
	room *semaphore.Weighted
}

func (l *limited) Call(ctx context.Context, r *Request, up Sink) (mcp.Message, error) {
	if err := l.room.Acquire(ctx, 1); err != nil {
		return mcp.Message{}, context.Cause(ctx)
	}
	defer l.room.Release(1)
	return l.next.Call(ctx, r, whole{up})
}

// whole hides that a sink may be a [Pourer]. A result that goes to a client while it comes takes as long as the client wants it to,
// and others would wait for the place.
type whole struct{ Sink }
