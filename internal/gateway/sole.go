package gateway

import (
	"context"
	"sync"
	"time"

	"onemcp/internal/mcp"
)

// How long a server may take to answer a subscriptions/listen that was cancelled.
const (
	parting     = time.Second
	longParting = 10 * time.Second // one that has answered before
)

// turns is how rounds follow each other on a connection.
//
// Servers of the Go SDK over lines know one subscription a connection, and forget it when any listen ends. What gives them away is that
// they answer a listen that was cancelled, which nobody has to. With them the last round is over before the next begins: there is
// a gap, and a client is acknowledged by the round behind it, the first ones perhaps by one before.
type turns struct {
	many bool   // each round is on its own
	sole bool   // they are one to the server, so that with the first that ends all are forgotten
	late *round // was to end, and has not been answered in time; nil if there is none
}

// replace opens the next round on a connection over lines, unless the last one listens for what is wanted already. Which kind the server is of
// shows the first time.
func (t *turns) replace(ctx context.Context, s *subscriptions, l *link, last *round, group *sync.WaitGroup) *round {
	switch {
	case last.isOver() || s.upToDate(last):
		return last
	case t.sole:
		return t.renew(ctx, s, l, last, group)
	}
	next, _ := s.next(ctx, l, last, group)
	defer s.handedOver()
	if t.part(ctx, l, last, parting); t.many {
		return next
	}
	return t.renew(ctx, s, l, next, group)
}

// renew opens a round in the place of the last one, which ends before.
func (t *turns) renew(ctx context.Context, s *subscriptions, l *link, last *round, group *sync.WaitGroup) *round {
	t.part(ctx, l, last, longParting)
	s.interrupted(last)
	next := s.open(ctx, l, group)
	next.settle(ctx)
	return next
}

// part ends a round, and sees from that of which kind the server is.
func (t *turns) part(ctx context.Context, l *link, r *round, within time.Duration) {
	if t.late != nil {
		t.late.cancel()
		t.late = nil
	}
	t.sole = r.end(ctx, l, within)
	if t.many = !t.sole; t.many {
		t.late = r
	}
}

// over fires when a round has ended late, and the newest one with it.
func (t *turns) over() <-chan bool {
	if t.late == nil {
		return nil
	}
	return t.late.over
}

// upToDate reports whether a round listens for what is wanted.
func (s *subscriptions) upToDate(r *round) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version == r.version
}

// end tells the server that the round is over, and reports whether it answers in time.
func (r *round) end(ctx context.Context, l *link, within time.Duration) (answered bool) {
	cancelled := append(mcp.AppendUint([]byte(`{"requestId":`), r.id), '}')
	if l.conn.Notify(ctx, mcp.AppendNotification(nil, mcp.NoteCancelled, cancelled)) != nil {
		return false
	}
	late, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case again := <-r.over:
		r.over <- again
		return true
	case <-late.Done():
		return false
	}
}

// isOver reports whether the round has ended, by itself.
func (r *round) isOver() bool { return len(r.over) > 0 }
