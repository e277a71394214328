package session

import (
	"sync"
	"time"
)

// The bounds of a session's queue.
const (
	maxQueued      = 256
	maxQueuedBytes = 1 << 20
)

// queue holds messages for one stream at a time. The newest stream to take over gets them.
type queue struct {
	wake chan struct{} // holds one token when there is something to look at

	mu    sync.Mutex
	msgs  [][]byte
	bytes int
	turn  int // number of the stream that may drain
}

func (q *queue) push(msg []byte) {
	q.mu.Lock()
	q.msgs = append(q.msgs, msg)
	q.bytes += len(msg)
	for len(q.msgs) > maxQueued || q.bytes > maxQueuedBytes && len(q.msgs) > 1 {
		q.bytes -= len(q.msgs[0])
		q.msgs = q.msgs[1:]
	}
	q.mu.Unlock()
	q.nudge()
}

func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) takeOver() (turn int) {
	q.mu.Lock()
	q.turn++
	turn = q.turn
	q.mu.Unlock()
	q.nudge() // so that the older stream notices
	return turn
}

// drain takes all messages, if it is still the caller's turn. A stream whose turn is over passes the
// nudge on, since it may have eaten the successor's.
func (q *queue) drain(turn int) (msgs [][]byte, mine bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if turn != q.turn {
		q.nudge()
		return nil, false
	}
	msgs, q.msgs, q.bytes = q.msgs, nil, 0
	return msgs, true
}

func (q *queue) putBack(msgs [][]byte) {
	q.mu.Lock()
	q.msgs = append(msgs[:len(msgs):len(msgs)], q.msgs...)
	for _, m := range msgs {
		q.bytes += len(m)
	}
	q.mu.Unlock()
	q.nudge()
}

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
