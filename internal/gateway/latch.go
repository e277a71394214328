package gateway

import (
	"sync"
	"sync/atomic"
)

// latch is something that happens once. It keeps a channel only while somebody waits for it. The zero value is ready.
type latch struct {
	fallen atomic.Bool
	mu     sync.Mutex
	ch     chan struct{} // nil: nobody waits
}

// fall lets go who waits, and who comes later.
func (l *latch) fall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fallen.Store(true)
	if l.ch != nil {
		close(l.ch)
		l.ch = nil
	}
}

// wait returns a channel that is closed when the latch has fallen.
func (l *latch) wait() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ch != nil {
		return l.ch
	}
	ch := make(chan struct{})
	if l.fallen.Load() {
		close(ch)
	} else {
		l.ch = ch
	}
	return ch
}
