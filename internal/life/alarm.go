package life

import (
	"sync"
	"time"
)

// Alarms makes alarms and keeps those that never rang for reuse: a timer of its own for each of some ten thousand calls a
// second costs more than what it guards against ever will. The zero value is ready. It is safe for concurrent use.
type Alarms struct{ pool sync.Pool }

// Ringer is what an alarm is for. Ring is called in a goroutine of its own.
type Ringer interface{ Ring() }

// Alarm rings after a while, unless it is stopped before. It is used by one goroutine at a time.
type Alarm struct {
	from  *Alarms
	timer *time.Timer
	bell  Ringer
	set   bool
	rang  bool // it may be ringing still, so it is not used again
}

// After returns an alarm that rings bell after d. It must be stopped.
func (p *Alarms) After(d time.Duration, bell Ringer) *Alarm {
	if a, ok := p.pool.Get().(*Alarm); ok {
		a.bell = bell
		a.Set(d)
		return a
	}
	a := &Alarm{from: p, bell: bell, set: true}
	a.timer = time.AfterFunc(d, func() { a.bell.Ring() })
	return a
}

// Pause has the alarm not ring, until it is set anew.
func (a *Alarm) Pause() {
	if a.set && !a.timer.Stop() {
		a.rang = true
	}
	a.set = false
}

// Set has a paused alarm ring after d.
func (a *Alarm) Set(d time.Duration) {
	a.set = true
	a.timer.Reset(d)
}

// Stop ends the alarm, which nobody may use any more.
func (a *Alarm) Stop() {
	if a.Pause(); a.rang {
		return
	}
	a.bell = nil
	a.from.pool.Put(a)
}
