package gateway

import (
	"sync"
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
	mu      sync.Mutex
	byToken map[uint64]*errand
	byTask  map[string]uint64 // the token
	opening int               // calls under way
	held    []func()          // what names a task that one of them may be about to begin
}

type errand struct {
	session weak.Pointer[session.Session]
	own     []byte // the client's progress token, raw
	task    string // empty while the call is under way
}

// open takes in a call that is about to be sent under our token. own is the client's, nil if it wants no progress.
func (e *errands) open(token uint64, s *session.Session, own []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opening++
	if own == nil || len(own) > maxToken || !e.room() {
		return
	}
	if e.byToken == nil {
		e.byToken, e.byTask = make(map[uint64]*errand), make(map[string]uint64)
	}
	e.byToken[token] = &errand{session: weak.Make(s), own: append([]byte(nil), own...)}
}

// room makes room for one more, of sessions that have ended. The caller holds e.mu.
func (e *errands) room() bool {
	if len(e.byToken) < maxErrands {
		return true
	}
	for token, one := range e.byToken {
		if s := one.session.Value(); s == nil || s.Context().Err() != nil {
			delete(e.byToken, token)
			delete(e.byTask, one.task)
		}
	}
	return len(e.byToken) < maxErrands
}

// settle notes which task a call has begun, "" for none, and lets go what was held back meanwhile.
func (e *errands) settle(token uint64, task string) {
	e.mu.Lock()
	e.opening--
	if one := e.byToken[token]; one != nil && task != "" {
		one.task = task
		e.byTask[task] = token
	} else {
		delete(e.byToken, token)
	}
	held := e.held
	e.held = nil
	e.mu.Unlock()
	for _, deliver := range held {
		deliver()
	}
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
	if token, ok := e.byTask[task]; ok {
		delete(e.byToken, token)
		delete(e.byTask, task)
	}
}
