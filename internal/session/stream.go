package session

import (
	"context"
	"errors"
	"time"

	"onemcp/internal/fault"
)

const (
	maxWaiting = 16 << 20 // bytes that wait for a reader who is there
	maxBatch   = 64 << 10 // bytes handed to a reader at once, or one message
)

// ErrSlow ends the reading of a client for which too much waits.
var ErrSlow = fault.New(fault.Busy, "the client reads too slowly")

// errReplaced ends a reader whose stream another one reads now.
var errReplaced = errors.New("the stream is read by another connection")

// Stream is a sequence of messages to a client that outlives the connection it is read on: the session's own
// stream, or the answer to one call. It has one reader at a time; the newest wins, since a client that
// reconnects is believed. What was written is kept for a while, within bounds, for a client that
// asks for it again.
type Stream struct {
	session *Session
	number  uint64
	wake    chan struct{} // holds one token when there is something to look at

	// Guarded by the mutex of the session's store.
	events   []Event       // kept; those that have been written first
	newest   uint64        // the number of the last message there was
	sent     load          // written
	waiting  load          // not yet
	turn     uint64        // number of the reader that may read
	replaced chan struct{} // closed when another reader takes its place; nil: there has been none
	attached bool          // somebody reads
	slow     bool          // the last reader was sent away
	ended    bool          // no message comes any more
	used     time.Time
}

// Reader is a connection that a stream is written to. Its functions are called from Attach only.
type Reader struct {
	// Begin is told where the stream is taken up; may be nil. What it writes may wait for the first Write.
	Begin func(at Place)
	// Write writes events and returns how many are written for good. The first call, which may bring none, is made at once.
	Write func(events []Event) (written int, err error)
	// Idle is called whenever Beat has passed without an event; Beat 0 means never.
	Idle func() error
	Beat time.Duration

	After  *uint64 // the message behind which to begin; nil: the first that has not been written yet
	Forget bool    // what is written is not kept
}

// Send adds a message, which it keeps. It never blocks. When more is kept than may be, the oldest
// messages are lost.
func (st *Stream) Send(msg []byte) {
	k := &st.session.store
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended || st.ended {
		return
	}
	st.newest++
	st.used = time.Now()
	one := load{1, len(msg)}
	st.events = append(st.events, Event{Place{st.number, st.newest}, msg})
	st.waiting.add(one)
	if !st.attached {
		k.keep(one)
		k.trim()
	} else if st.waiting.bytes > maxWaiting && st.waiting.n > 1 {
		st.slow = true
		st.detach()
	}
	st.nudge()
}

// End says that no message comes any more. Readers end when they have got all there is.
func (st *Stream) End() {
	k := &st.session.store
	k.mu.Lock()
	defer k.mu.Unlock()
	st.ended, st.used = true, time.Now()
	if len(st.events) == 0 {
		delete(k.streams, st.number)
	}
	st.nudge()
}

// Expect says that a reader is about to come, who must: until then all is kept for it, as if it were there.
func (st *Stream) Expect() {
	k := &st.session.store
	k.mu.Lock()
	defer k.mu.Unlock()
	st.expect()
}

// expect is Expect where the store is locked.
func (st *Stream) expect() {
	if !st.attached {
		st.session.store.free(st.waiting)
		st.attached = true
	}
}

// Attach hands the stream's messages to r until the stream ends (nil), another reader takes over (nil), ctx or the session
// ends, or r fails.
func (st *Stream) Attach(ctx context.Context, r Reader) error {
	st.session.readers.Add(1)
	defer st.session.unread()
	turn, replaced, at := st.takeOver(r.After)
	defer st.leave(turn)
	if r.Begin != nil {
		r.Begin(at)
	}
	if err := st.pass(ctx, turn, replaced, &r); !errors.Is(err, errReplaced) {
		return err
	}
	return nil
}

func (st *Stream) pass(ctx context.Context, turn uint64, replaced <-chan struct{}, r *Reader) error {
	timer := newBeat(r.Beat)
	defer timer.stop()
	var batch []Event
	for first := true; ; first = false {
		var last bool
		var err error
		if batch, last, err = st.take(turn, batch[:0]); err != nil {
			return err
		}
		if len(batch) > 0 || first {
			n, err := r.Write(batch)
			st.written(turn, batch[:n], r.Forget)
			clear(batch)
			if err != nil {
				return err
			}
			timer.restart()
		}
		if last {
			return nil
		}
		if err := st.wait(ctx, replaced, timer, r.Idle); err != nil {
			return err
		}
	}
}

// wait waits until there is something to look at.
func (st *Stream) wait(ctx context.Context, replaced <-chan struct{}, timer *beat, idle func() error) error {
	select {
	case <-st.wake:
		return nil
	case <-timer.c():
		timer.restart()
		return idle()
	case <-replaced:
		return errReplaced
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-st.session.Done():
		return st.session.ctx.Err()
	}
}

func (st *Stream) takeOver(after *uint64) (turn uint64, replaced <-chan struct{}, at Place) {
	k := &st.session.store
	k.mu.Lock()
	defer k.mu.Unlock()
	st.turn++
	if st.replaced != nil {
		close(st.replaced)
	}
	st.replaced = make(chan struct{})
	st.expect()
	st.slow = false
	if after != nil && *after <= st.newest {
		st.rewind(*after)
		k.trim()
	}
	return st.turn, st.replaced, Place{st.number, st.before()}
}

// before is the number of the message before the first that waits.
func (st *Stream) before() uint64 {
	if st.sent.n < len(st.events) {
		return st.events[st.sent.n].At.N - 1
	}
	return st.newest
}

// rewind makes the messages behind a number those that wait. A reader must be there.
func (st *Stream) rewind(after uint64) {
	k := &st.session.store
	k.free(st.sent)
	st.sent, st.waiting = load{}, load{}
	for _, e := range st.events {
		part := &st.waiting
		if e.At.N <= after {
			part = &st.sent
		}
		part.add(load{1, len(e.Msg)})
	}
	k.keep(st.sent)
}

// take appends the next messages to batch. last says that they are the last of the stream.
func (st *Stream) take(turn uint64, batch []Event) (_ []Event, last bool, err error) {
	k := &st.session.store
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case turn == st.turn && st.slow:
		return batch, false, ErrSlow
	case turn != st.turn:
		st.nudge() // which may have been meant for the successor
		return batch, false, errReplaced
	}
	size := 0
	for _, e := range st.events[st.sent.n:] {
		if size += len(e.Msg); size > maxBatch && len(batch) > 0 {
			break
		}
		batch = append(batch, e)
	}
	return batch, st.ended && len(batch) == st.waiting.n, nil
}

// written notes what a reader has got.
func (st *Stream) written(turn uint64, events []Event, forget bool) {
	k := &st.session.store
	k.mu.Lock()
	defer k.mu.Unlock()
	if turn != st.turn || !st.attached || k.ended {
		return
	}
	for _, e := range events {
		one := load{1, len(e.Msg)}
		st.waiting.sub(one)
		st.sent.add(one)
		k.keep(one)
	}
	st.used = time.Now()
	if forget {
		st.forgetSent()
	}
	k.trim()
	if st.waiting.n > 0 {
		st.nudge()
	}
}

// leave ends the turn of a reader. What waits, waits for the next.
func (st *Stream) leave(turn uint64) {
	k := &st.session.store
	k.mu.Lock()
	defer k.mu.Unlock()
	if turn == st.turn && st.attached && !k.ended {
		st.detach()
	}
}

func (st *Stream) detach() {
	k := &st.session.store
	st.attached, st.used = false, time.Now()
	k.keep(st.waiting)
	k.trim()
}

// kept is what may be thrown away.
func (st *Stream) kept() load {
	l := st.sent
	if !st.attached {
		l.add(st.waiting)
	}
	return l
}

// done says that everything has been written.
func (st *Stream) done() bool { return st.ended && st.waiting.n == 0 }

// dropFirst throws the oldest message away.
func (st *Stream) dropFirst() {
	one := load{1, len(st.events[0].Msg)}
	if st.sent.n > 0 {
		st.sent.sub(one)
	} else {
		st.waiting.sub(one)
	}
	st.session.store.free(one)
	st.skip(1)
}

// forgetSent throws away what has been written.
func (st *Stream) forgetSent() {
	st.session.store.free(st.sent)
	st.skip(st.sent.n)
	st.sent = load{}
}

// skip takes the first n events away. Readers have copies.
func (st *Stream) skip(n int) {
	clear(st.events[:n])
	if st.events = st.events[n:]; len(st.events) == 0 {
		st.events = nil
	}
}

// clear takes all events away.
func (st *Stream) clear() { st.events, st.sent, st.waiting = nil, load{}, load{} }

func (st *Stream) nudge() {
	select {
	case st.wake <- struct{}{}:
	default:
	}
}
