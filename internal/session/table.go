package session

import (
	"context"
	"sync"
	"time"

	"onemcp/internal/fault"
)

// Limits bound a table.
type Limits struct {
	Max  int           // sessions at a time; 0: no bound
	Idle time.Duration // how long an unused session lives; 0: for ever
}

// Table finds sessions by id.
type Table struct {
	limits Limits

	mu       sync.RWMutex
	sessions map[string]*Session
	closed   bool
}

// NewTable returns an empty table.
func NewTable(l Limits) *Table {
	return &Table{limits: l, sessions: make(map[string]*Session)}
}

// Open makes a session. A full table is a fault of kind Busy; a closed one, Unavailable.
func (t *Table) Open(s Spec) (*Session, error) {
	n := newSession(s, time.Now())
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, fault.New(fault.Unavailable, "the gateway is shutting down")
	}
	if t.limits.Max > 0 && len(t.sessions) >= t.limits.Max {
		return nil, fault.New(fault.Busy, "the limit of %d sessions is reached", t.limits.Max).WithHint("end sessions with DELETE, or raise server.maxSessions")
	}
	t.sessions[n.ID] = n
	return n, nil
}

// Get returns the live session of an id for its principal and endpoint, and marks it as used. A session of
// somebody else is as unknown as none.
func (t *Table) Get(id, principal, endpoint string) (*Session, error) {
	t.mu.RLock()
	s := t.sessions[id]
	t.mu.RUnlock()
	if s == nil || s.Principal != principal || s.Endpoint != endpoint {
		return nil, ErrEnded
	}
	s.seen.Store(time.Now().UnixNano())
	return s, nil
}

// End ends a session and forgets it.
func (t *Table) End(s *Session) { t.drop(s, ErrEnded) }

func (t *Table) drop(s *Session, cause error) {
	t.mu.Lock()
	delete(t.sessions, s.ID)
	t.mu.Unlock()
	s.end(cause)
}

// Len returns how many sessions there are.
func (t *Table) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.sessions)
}

// Run expires idle sessions until ctx ends; then it ends all and opens no more.
func (t *Table) Run(ctx context.Context) error {
	defer t.closeAll()
	if t.limits.Idle <= 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(min(t.limits.Idle/4+time.Millisecond, time.Minute))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			t.expire(now)
		}
	}
}

func (t *Table) expire(now time.Time) {
	limit := now.Add(-t.limits.Idle).UnixNano()
	var old []*Session
	t.mu.RLock()
	for _, s := range t.sessions {
		if s.open.Load() == 0 && s.seen.Load() < limit {
			old = append(old, s)
		}
	}
	t.mu.RUnlock()
	for _, s := range old {
		t.drop(s, ErrEnded)
	}
}

func (t *Table) closeAll() {
	t.mu.Lock()
	t.closed = true
	all := t.sessions
	t.sessions = make(map[string]*Session)
	t.mu.Unlock()
	for _, s := range all {
		s.end(ErrEnded)
	}
}
