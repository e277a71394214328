package upstream

import (
	"sync"
	"time"
)

// moment is a time, as what has passed since the clock was made; never 0.
type moment = time.Duration

// Clock ends calls at their time, with one timer for all of them: nearly every call ends long before it is due, and to
// start and stop a timer for each costs more than all else that is done to bound it. The timer goes on when the calls are
// over, and finds nothing. One does for all connections to a backend: each may be waiting for most of its time. Make it with
// [NewClock]; it is safe for concurrent use.
type Clock struct {
	zero time.Time // a moment before all others

	mu    sync.Mutex
	calls *watch // the newest
	timer *time.Timer
	rings moment // when the timer fires; 0: it does not run
}

// NewClock returns a clock that bounds nothing yet.
func NewClock() *Clock { return &Clock{zero: time.Now().Add(-1)} }

func (c *Clock) now() moment { return time.Since(c.zero) }

// add takes in a call.
func (c *Clock) add(w *watch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.runs, w.after = true, c.calls
	if w.after != nil {
		w.after.before = w
	}
	c.calls = w
	c.set(w)
}

// drop lets go of a call that is over, to whose sink nothing comes any more.
func (c *Clock) drop(w *watch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(w)
	for q := w.asked; q != nil; q = q.before {
		q.w = nil
	}
}

func (c *Clock) remove(w *watch) {
	if !w.runs {
		return
	}
	if w.before != nil {
		w.before.after = w.after
	} else {
		c.calls = w.after
	}
	if w.after != nil {
		w.after.before = w.before
	}
	w.runs, w.before, w.after = false, nil, nil
}

// count notes that a call has shown life, and that more, or fewer, things are waited for of its client.
func (c *Clock) count(w *watch, more int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(w, more)
}

// ask notes that a call has asked something.
func (c *Clock) ask(w *watch, q *question) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q.w, q.before = w, w.asked
	w.asked = q
	c.note(w, 1)
}

// answered notes that a question was answered.
func (c *Clock) answered(q *question) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q.w != nil {
		c.note(q.w, -1)
	}
}

// note is count for who holds c.mu.
func (c *Clock) note(w *watch, more int) {
	w.open += more
	w.since = c.now()
	if w.runs {
		c.set(w)
	}
}

// set has the timer fire when w is due, or before.
func (c *Clock) set(w *watch) {
	due := w.due()
	if due == 0 || c.rings != 0 && due >= c.rings {
		return
	}
	c.rings = due
	if left := due - c.now(); c.timer == nil {
		c.timer = time.AfterFunc(left, c.ring)
	} else {
		c.timer.Reset(left)
	}
}

// ring ends the calls that are due.
func (c *Clock) ring() {
	now := c.now()
	for _, w := range c.takeDue(now) {
		w.expire(now)
	}
}

// takeDue takes out the calls that are due, and sets the timer for the others.
func (c *Clock) takeDue(now moment) (due []*watch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rings = 0
	var next *watch
	for w := c.calls; w != nil; w = next {
		next = w.after
		if at := w.due(); at != 0 && at <= now {
			due = append(due, w)
			c.remove(w)
		} else {
			c.set(w)
		}
	}
	return due
}
