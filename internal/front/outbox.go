package front

import (
	"context"
	"errors"
	"sync"
	"time"
)

// maxOutbox bounds what waits for a client that reads too slowly.
const maxOutbox = 16 << 20

var errSlow = errors.New("the client reads too slowly")

// outbox holds messages on their way to an event stream, so that nobody who sends has to wait for the
// client. It implements channel.
type outbox struct {
	wake chan struct{} // holds one token when there is something to look at

	mu     sync.Mutex
	msgs   [][]byte
	bytes  int
	closed bool
	err    error // why messages are dropped
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// Send implements gateway.Stream. It never blocks; what does not fit breaks the stream, since a
// stream with a gap would be worse.
func (o *outbox) Send(msg []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.err != nil {
		return
	}
	if o.bytes+len(msg) > maxOutbox && len(o.msgs) > 0 {
		o.err, o.msgs = errSlow, nil
	} else {
		o.msgs = append(o.msgs, msg)
		o.bytes += len(msg)
	}
	o.nudge()
}

// End implements channel.
func (o *outbox) End() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.nudge()
}

func (o *outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) take() (msgs [][]byte, closed bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	msgs, o.msgs, o.bytes = o.msgs, nil, 0
	return msgs, o.closed, o.err
}

// run implements channel. When it has ended, nothing is kept.
func (o *outbox) run(ctx context.Context, e *events, beat time.Duration) error {
	err := o.pump(ctx, e, beat)
	o.mu.Lock()
	o.closed, o.msgs = true, nil
	o.mu.Unlock()
	return err
}

func (o *outbox) pump(ctx context.Context, e *events, beat time.Duration) error {
	timer := time.NewTimer(beat)
	defer timer.Stop()
	for {
		msgs, closed, err := o.take()
		if err != nil {
			return err
		}
		if err := write(e, msgs); err != nil || closed {
			return err
		}
		timer.Reset(beat)
		select {
		case <-o.wake:
		case <-timer.C:
			err = e.beat()
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func write(e *events, msgs [][]byte) error {
	for _, msg := range msgs {
		if err := e.add(msg); err != nil {
			return err
		}
	}
	return e.flush()
}
