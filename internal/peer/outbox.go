package peer

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"

	"onemcp/internal/mcp"
)

const (
	// softLimit is how many bytes may wait before senders wait too.
	softLimit = 256 << 10
	// hardLimit is how many bytes may wait before a backend, which makes us answer and does not read, is given up.
	hardLimit = 128 << 20
	// keepLimit is the largest buffer that is kept for the next messages.
	keepLimit = 1 << 20
)

// An Outbox gathers lines while the writer is busy with earlier ones, so that many
// messages share one write. It is safe for concurrent use. Make it with [NewOutbox].
type Outbox struct {
	limit int
	slow  error
	done  chan struct{} // closed with err set
	trace Trace         // nil: none

	mu     sync.Mutex
	filled sync.Cond     // buf has become non-empty, or err was set
	buf    []byte        // lines that wait
	room   chan struct{} // closed when buf has been taken; nil while nobody waits for that
	err    error         // why nothing more is taken
}

// NewOutbox returns an empty outbox. When limit bytes or more wait and another line is pushed, the other side does not
// read: slow is then the reason why nothing more is taken. trace is told of every line; nil: none.
func NewOutbox(limit int, slow error, trace Trace) *Outbox {
	o := &Outbox{limit: limit, slow: slow, trace: trace, done: make(chan struct{})}
	o.filled.L = &o.mu
	return o
}

// Done is closed when nothing more is taken.
func (o *Outbox) Done() <-chan struct{} { return o.done }

// Err returns why nothing more is taken; nil until then.
func (o *Outbox) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Put adds a line. It waits, until ctx ends, while softLimit bytes or more are waiting.
func (o *Outbox) Put(ctx context.Context, line []byte) error {
	for {
		room, err := o.tryPut(line)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-o.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// tryPut adds a line, or returns what to wait for.
func (o *Outbox) tryPut(line []byte) (room <-chan struct{}, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return nil, o.err
	}
	if len(o.buf) >= softLimit {
		if o.room == nil {
			o.room = make(chan struct{})
		}
		return o.room, nil
	}
	o.add(line)
	return nil, nil
}

// Push adds a line without waiting: answers and cancellations, which come from goroutines that
// must not wait.
func (o *Outbox) Push(line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
	case len(o.buf) >= o.limit:
		o.shut(o.slow)
	default:
		o.add(line)
	}
}

func (o *Outbox) add(line []byte) {
	start := len(o.buf)
	o.buf = append(slices.Grow(o.buf, len(line)+1), line...)
	if bytes.IndexByte(line, '\n') >= 0 || bytes.IndexByte(line, '\r') >= 0 {
		mcp.Flatten(o.buf[start:])
	}
	if o.trace != nil {
		o.trace(true, o.buf[start:])
	}
	o.buf = append(o.buf, '\n')
	if start == 0 {
		o.filled.Signal()
	}
}

// Close lets nothing more in; what is in is still written.
func (o *Outbox) Close(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shut(err)
}

func (o *Outbox) shut(err error) {
	if o.err == nil {
		o.err = err
		close(o.done)
		o.filled.Signal()
	}
}

// Pump writes what is put until the outbox is closed and empty, or w fails; then it closes w.
// A failure becomes the outbox's error through explain.
func (o *Outbox) Pump(w io.WriteCloser, explain func(error) error) {
	defer func() { _ = w.Close() }()
	var empty []byte
	for {
		batch := o.take(empty)
		if len(batch) == 0 {
			return
		}
		if _, err := w.Write(batch); err != nil {
			o.Close(explain(err))
			return
		}
		if empty = batch[:0]; cap(batch) > keepLimit {
			empty = nil
		}
	}
}

// take waits for lines and swaps them for an empty buffer; none means the end.
func (o *Outbox) take(empty []byte) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.buf) == 0 && o.err == nil {
		o.filled.Wait()
	}
	batch := o.buf
	o.buf = empty
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
	return batch
}
