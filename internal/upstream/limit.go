package upstream

import (
	"context"

	"golang.org/x/sync/semaphore"

	"onemcp/internal/mcp"
)

// Limit lets at most n calls into next at a time; the others wait in order until ctx ends. Zero or less
// means no bound.
func Limit(next Caller, n int) Caller {
	if n <= 0 {
		return next
	}
	return &limit{next, semaphore.NewWeighted(int64(n))}
}

type limit struct {
	next Caller
	room *semaphore.Weighted
}

func (l *limit) Call(ctx context.Context, r *Request, up Sink) (mcp.Message, error) {
	if err := l.room.Acquire(ctx, 1); err != nil {
		return mcp.Message{}, context.Cause(ctx)
	}
	defer l.room.Release(1)
	return l.next.Call(ctx, r, up)
}
