package session

import (
	"context"
	"sync"
	"time"

	"onemcp/internal/fault"
)

// Limits bound a table.
type Limits struct {
	Max       int           // sessions at a time; 0: no bound
	PerClient int           // sessions of one client at a time, see [Table.Claim]; 0: no bound
	Idle      time.Duration // how long an unused session lives; 0: for ever
	Unread    time.Duration // how long it lives at least with a request in flight whose answer nobody waits for; 0: a minute
	Kept      int64         // bytes that all sessions together keep for streams to be resumed, above which each keeps little; 0: 256 MiB
}

// Table finds sessions by id.
type Table struct {
	limits Limits
	pool   pool

	mu       sync.RWMutex
	sessions map[string]*Session
	claims   map[any]*claim // sessions by client
	closed   bool
}

// NewTable returns an empty table.
func NewTable(l Limits) *Table {
	t := &Table{limits: l, sessions: make(map[string]*Session), claims: make(map[any]*claim)}
	if t.pool.max = l.Kept; l.Kept == 0 {
		t.pool.max = defaultKept
	}
	if l.Unread == 0 {
		t.limits.Unread = time.Minute
	}
	return t
}

// Claim counts a session that a client is about to open. client is any comparable value that tells clients
// apart, such as the network they call from. release must be called once, when
// the session has ended or was not opened. A client that has all it may is a fault of kind Busy.
func (t *Table) Claim(client any) (release func(), full *fault.Error) {
	if t.limits.PerClient <= 0 {
		return func() {}, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.claims[client]
	if c == nil {
		c = new(claim)
		c.release = func() { t.release(client) }
		t.claims[client] = c
	}
	if c.sessions >= t.limits.PerClient {
		return nil, fault.New(fault.Busy, "the limit of %d sessions for one client address is reached", t.limits.PerClient).
			WithHint("end sessions with DELETE, or raise server.maxSessionsPerClient")
	}
	c.sessions++
	return c.release, nil
}

// claim is what a client has.
type claim struct {
	sessions int
	release  func() // one for all of them, since idle sessions keep it
}

func (t *Table) release(client any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.claims[client]
	if c.sessions--; c.sessions == 0 {
		delete(t.claims, client)
	}
}

// Open makes a session. A full table is a fault of kind Busy; a closed one, Unavailable.
func (t *Table) Open(s Spec) (*Session, error) {
	n := newSession(s, time.Now(), &t.pool)
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

// Kept returns how many bytes the sessions keep for streams that may be resumed.
func (t *Table) Kept() int64 { return t.pool.used.Load() }

// Run expires idle sessions, and what is kept for streams that nobody resumed, until ctx ends; then it ends all
// sessions and opens no more.
func (t *Table) Run(ctx context.Context) error {
	defer t.closeAll()
	every := time.Minute
	if t.limits.Idle > 0 {
		every = min(t.limits.Idle/4+time.Millisecond, every)
	}
	tick := time.NewTicker(every)
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
	var old, alive []*Session
	t.mu.RLock()
	for _, s := range t.sessions {
		if t.idle(s, now) {
			old = append(old, s)
		} else {
			alive = append(alive, s)
		}
	}
	t.mu.RUnlock()
	for _, s := range old {
		t.drop(s, ErrEnded)
	}
	for _, s := range alive {
		s.store.prune(now)
	}
}

// idle decides whether a client has abandoned its session. A request in flight is no sign of life: it may wait for the
// client's answer to a question. But one that is younger than a heartbeat has no stream yet that could be read.
func (t *Table) idle(s *Session, now time.Time) bool {
	after := t.limits.Idle
	if s.open.Load() > 0 {
		after = max(after, t.limits.Unread)
	}
	return t.limits.Idle > 0 && s.readers.Load() == 0 && s.seen.Load() < now.Add(-after).UnixNano()
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
