package session

import "time"

// beat is a timer that may be off.
type beat struct {
	every time.Duration
	timer *time.Timer
}

func newBeat(every time.Duration) *beat {
	b := &beat{every: every}
	if every > 0 {
		b.timer = time.NewTimer(every)
	}
	return b
}

func (b *beat) c() <-chan time.Time {
	if b.timer == nil {
		return nil
	}
	return b.timer.C
}

func (b *beat) restart() {
	if b.timer != nil {
		b.timer.Reset(b.every)
	}
}

func (b *beat) stop() {
	if b.timer != nil {
		b.timer.Stop()
	}
}
