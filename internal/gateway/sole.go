package gateway

import (
	"context"
	"sync"
	"time"

	"onemcp/internal/mcp"
)

// parting is how long a server may take to answer a subscriptions/listen that was cancelled.
const parting = time.Second

// manner is how a server over lines takes a second subscriptions/listen.
type manner uint8

const (
	notKnown manner = iota
	many            // each is on its own
	sole            // they are one to it, so that with the first that ends all are forgotten
)

// replace opens the next round on a connection where all rounds come in one order, unless the last one listens for what is
// wanted already. Nothing is missed where the last one ends when the next has been acknowledged.
//
// Servers of the Go SDK know one subscription a connection, and forget it when any listen ends. What gives them away is that
// they answer a listen that was cancelled, which nobody has to. With them the last round is over before the next begins, and they
// are listed again.
func (s *subscriptions) replace(ctx context.Context, l *link, last *round, how *manner, group *sync.WaitGroup) *round {
	if s.upToDate(last) {
		return last
	}
	if *how != sole {
		next := s.open(ctx, l, group)
		next.settle(ctx)
		if *how == many || !last.end(ctx, l) {
			*how = many
			last.cancel()
			return next
		}
		*how, last = sole, next
	}
	last.end(ctx, l)
	last.cancel()
	next := s.open(ctx, l, group)
	next.settle(ctx)
	s.refresh() // changes may have been missed
	return next
}

// upToDate reports whether a round listens for what is wanted.
func (s *subscriptions) upToDate(r *round) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version == r.version
}

// end tells the server that the round is over, and reports whether it answers, for which it has a short time.
func (r *round) end(ctx context.Context, l *link) (answered bool) {
	cancelled := append(mcp.AppendUint([]byte(`{"requestId":`), r.id), '}')
	if l.conn.Notify(ctx, mcp.AppendNotification(nil, mcp.NoteCancelled, cancelled)) != nil {
		return false
	}
	late, cancel := context.WithTimeout(ctx, parting)
	defer cancel()
	select {
	case again := <-r.over:
		r.over <- again
		return true
	case <-late.Done():
		return false
	}
}
