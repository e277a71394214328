package server

import (
	"net"
	"sync"
	"time"
)

// writeTime is how long a client may let a write wait, if the handler says nothing else. It may be late by spare.
const writeTime = 30 * time.Second

// outlet is a connection on which every write ends in time: a client that reads nothing would hold it for ever.
type outlet struct {
	net.Conn

	mu    sync.Mutex
	told  bool      // the deadline is a handler's
	until time.Time // ours that is set; zero: none
}

// Write implements io.Writer.
func (o *outlet) Write(p []byte) (int, error) {
	o.bound()
	return o.Conn.Write(p)
}

// bound bounds the next write, unless a handler has.
func (o *outlet) bound() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); !o.told && o.until.Sub(now) < writeTime {
		o.until = now.Add(writeTime + spare)
		_ = o.Conn.SetWriteDeadline(o.until) // of a connection that is closed; writing will tell
	}
}

// SetWriteDeadline implements net.Conn. The zero time leaves the bound to us.
func (o *outlet) SetWriteDeadline(t time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.until = time.Time{}
	if o.told = !t.IsZero(); !o.told {
		return nil
	}
	return o.Conn.SetWriteDeadline(t)
}
