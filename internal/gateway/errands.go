package gateway

import (
	"sync"
	"sync/atomic"
	"weak"

	"onemcp/internal/session"
)

// The bounds of what one connection keeps for its tasks.
const (
	maxErrands = 4096
	maxHeld    = 256     // messages that name a task which is not known yet
	maxToken   = 1 << 10 // bytes of a client's progress token
)

// errands are the calls on one connection that legacy clients have asked to become tasks. The progress token of such a call
// is good until the task ends. The zero value is ready.
type errands struct {
	going atomic.Int64 // how many tasks there are, so that the calls of who has none need no lock

	mu      sync.Mutex
	byToken map[uint64]*errand // those whose clients want progress
	byTask  map[string]*errand // those that have begun a task
	opening int                // calls under way
	held    []func()           // what names a task that one of them may be about to begin
}

type errand struct {
	session weak.Pointer[session.Session]
	token   uint64
	own     []byte // the client's progress token, raw
}

// gone reports whether nobody is left to care.
func (e *errand) gone() bool {
	s := e.session.Value()
	return s == nil || s.Context().Err() != nil
}

// open takes in a call that is about to be sent under our token. own is the client's, nil if it wants no progress.
func (e *errands) open(token uint64, s *session.Session, own []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opening++
	if own == nil || len(own) > maxToken || !e.room(len(e.byToken)) {
		return
	}
	if e.byToken == nil {
		e.byToken = make(map[uint64]*errand)
	}
	e.byToken[token] = &errand{session: weak.Make(s), token: token, own: append([]byte(nil), own...)}
}

// room makes room for one more where there are that many, of sessions that have ended. The caller holds e.mu.
func (e *errands) room(have int) bool {
	if have < maxErrands {
		return true
	}
	before := have
	for token, one := range e.byToken {
		if one.gone() {
			delete(e.byToken, token)
		}
	}
	for task, one := range e.byTask {
		if one.gone() {
			delete(e.byTask, task)
		}
	}
	e.going.Store(int64(len(e.byTask)))
	return max(len(e.byToken), len(e.byTask)) < before
}

// settle notes which task a session's call has begun, "" for none, and lets go what was held back meanwhile.
func (e *errands) settle(token uint64, s *session.Session, task string) {
	e.mu.Lock()
	e.opening--
	if task == "" {
		delete(e.byToken, token)
	} else if e.room(len(e.byTask)) {
		e.begin(token, s, task)
	}
	held := e.held
	e.held = nil
	e.mu.Unlock()
	for _, deliver := range held {
		deliver()
	}
}

// begin takes in a task. The caller holds e.mu.
func (e *errands) begin(token uint64, s *session.Session, task string) {
	one := e.byToken[token]
	if one == nil {
		one = &errand{session: weak.Make(s)}
	}
	if e.byTask == nil {
		e.byTask = make(map[string]*errand)
	}
	e.byTask[task] = one
	e.going.Store(int64(len(e.byTask)))
}

// others reports whether a task of another session goes on; s is nil for a client without one.
func (e *errands) others(s *session.Session) bool {
	if e.going.Load() == 0 {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range e.byTask {
		if !one.gone() && one.session.Value() != s {
			return true
		}
	}
	return false
}

// sole reports whether no more than one call is under way.
func (e *errands) sole() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.opening <= 1
}

// hold keeps a message that names an unknown task until a call that may have begun it is over; false if there is none.
func (e *errands) hold(deliver func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.opening == 0 || len(e.held) >= maxHeld {
		return false
	}
	e.held = append(e.held, deliver)
	return true
}

// ofToken returns whose a progress report is, and the client's own token; nil if nobody's.
func (e *errands) ofToken(token uint64) (s *session.Session, own []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if one := e.byToken[token]; one != nil {
		return one.session.Value(), one.own
	}
	return nil, nil
}

// end forgets a task.
func (e *errands) end(task string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if one := e.byTask[task]; one != nil {
		delete(e.byToken, one.token)
		delete(e.byTask, task)
		e.going.Store(int64(len(e.byTask)))
	}
}
