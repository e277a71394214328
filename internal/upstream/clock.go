package upstream

import (
	"sync"
	"time"
)

// clock ends calls at their time, with one timer for all of them: nearly every call ends long before it is due, and to
// start and stop a timer for each costs more than all else that is done to bound it. The timer goes on when the calls are
// over, and finds nothing.
type clock struct {
	mu    sync.Mutex
	calls []*watch
	one   [1]*watch // room for the usual number
	timer *time.Timer
	rings time.Time // when the timer fires; zero: it does not run
}

// add takes in a call.
func (c *clock) add(w *watch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = c.one[:0]
	}
	c.calls = append(c.calls, w)
	w.place = len(c.calls)
	c.set(w)
}

// drop lets go of a call that is over, to whose sink nothing comes any more.
func (c *clock) drop(w *watch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(w)
	w.up = nil // somebody may keep w until a question is answered
}

func (c *clock) remove(w *watch) {
	if w.place == 0 {
		return
	}
	n := len(c.calls)
	last := c.calls[n-1]
	c.calls[w.place-1], last.place = last, w.place
	c.calls[n-1] = nil
	c.calls = c.calls[:n-1]
	w.place = 0
}

// count notes that a call has shown life, and that more, or fewer, things are waited for of its client.
func (c *clock) count(w *watch, more int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.open += more
	w.since = time.Now()
	if w.place > 0 {
		c.set(w)
	}
}

// set has the timer fire when w is due, or before.
func (c *clock) set(w *watch) {
	due := w.due()
	if due.IsZero() || !c.rings.IsZero() && !due.Before(c.rings) {
		return
	}
	c.rings = due
	if left := time.Until(due); c.timer == nil {
		c.timer = time.AfterFunc(left, c.ring)
	} else {
		c.timer.Reset(left)
	}
}

// ring ends the calls that are due.
func (c *clock) ring() {
	now := time.Now()
	for _, w := range c.takeDue(now) {
		w.expire(now)
	}
}

// takeDue takes out the calls that are due, and sets the timer for the others.
func (c *clock) takeDue(now time.Time) (due []*watch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rings = time.Time{}
	for i := len(c.calls) - 1; i >= 0; i-- { // what takes the place of a call was looked at before
		w := c.calls[i]
		if at := w.due(); !at.IsZero() && !at.After(now) {
			due = append(due, w)
			c.remove(w)
		} else {
			c.set(w)
		}
	}
	return due
}
