package session

import (
	"sync"
	"sync/atomic"
	"time"
)

// What one session keeps for streams that are, or may be, taken up again.
const (
	maxKept      = 256     // messages
	maxKeptBytes = 1 << 20 // but always the newest message, however large
	leastKept    = 32 << 10
	keepFor      = 5 * time.Minute // after a stream was last written to, or has got its last message
)

// defaultKept bounds what all sessions of a table keep together.
const defaultKept = 256 << 20

// load is a number of messages and their bytes.
type load struct{ n, bytes int }

func (l *load) add(m load) { l.n, l.bytes = l.n+m.n, l.bytes+m.bytes }
func (l *load) sub(m load) { l.n, l.bytes = l.n-m.n, l.bytes-m.bytes }

// pool counts the bytes that all sessions of a table keep.
type pool struct {
	max  int64
	used atomic.Int64
}

func (p *pool) full() bool { return p.used.Load() > p.max }

// store holds the streams of one session. It is empty until the first message or reader comes.
type store struct {
	pool *pool

	mu      sync.Mutex // guards the streams too
	streams map[uint64]*Stream
	last    uint64 // number of the newest stream of a call
	kept    load   // what may be thrown away: all but the messages that wait for a reader who is there
	ended   bool
}

// open returns a stream, made if it is not there.
func (k *store) open(s *Session, number uint64) *Stream {
	if st := k.streams[number]; st != nil {
		return st
	}
	st := &Stream{session: s, number: number, wake: make(chan struct{}, 1), used: time.Now()}
	if k.ended {
		return st // which nobody will find
	}
	if k.streams == nil {
		k.streams = make(map[uint64]*Stream)
	}
	k.streams[number] = st
	return st
}

// keep counts what may be thrown away from now on.
func (k *store) keep(m load) {
	k.kept.add(m)
	k.pool.used.Add(int64(m.bytes))
}

// free undoes keep.
func (k *store) free(m load) {
	k.kept.sub(m)
	k.pool.used.Add(-int64(m.bytes))
}

// trim throws away until the session keeps no more than it may: streams that have ended and been
// written first, then of the largest stream the oldest message, so that a busy stream costs the others nothing.
func (k *store) trim() {
	for k.over() {
		st := k.victim()
		if st == nil {
			return
		}
		if st.done() {
			k.remove(st)
		} else {
			st.dropFirst()
		}
	}
}

func (k *store) over() bool {
	if k.pool.full() && k.kept.bytes > leastKept {
		return true
	}
	return k.kept.n > maxKept || k.kept.bytes > maxKeptBytes && k.kept.n > 1
}

func (k *store) victim() (found *Stream) {
	for _, st := range k.streams {
		if st.kept().n > 0 && (found == nil || st.cheaperThan(found)) {
			found = st
		}
	}
	return found
}

// cheaperThan decides which of two streams loses something: one that has nothing more to write, else the larger one.
func (st *Stream) cheaperThan(other *Stream) bool {
	switch {
	case st.done() != other.done():
		return st.done()
	case st.done():
		return st.number < other.number
	}
	return st.kept().bytes > other.kept().bytes
}

// remove forgets a stream.
func (k *store) remove(st *Stream) {
	k.free(st.kept())
	st.clear()
	delete(k.streams, st.number)
}

// prune forgets what nobody will ask for any more.
func (k *store) prune(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, st := range k.streams {
		switch {
		case now.Sub(st.used) < keepFor:
		case st.ended && !st.attached:
			k.remove(st)
		default:
			st.forgetSent()
		}
	}
}

// end forgets everything, for ever.
func (k *store) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.free(k.kept)
	for _, st := range k.streams {
		st.clear()
	}
	k.ended, k.streams = true, nil
}
