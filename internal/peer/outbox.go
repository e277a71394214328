package peer

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

const (
	// softLimit is how many bytes may wait before senders wait too.
	softLimit = 256 << 10
	// hardLimit is how many bytes may wait before the other side, which makes us
	// answer and does not read, is given up.
	hardLimit = 128 << 20
	// keepLimit is the largest buffer that is kept for the next messages.
	keepLimit = 1 << 20
)

// An outbox gathers lines while the writer is busy with earlier ones, so that many
// messages share one write.
type outbox struct {
	done  chan struct{} // closed with err set
	trace Trace         // nil: none

	mu     sync.Mutex
	filled sync.Cond     // buf has become non-empty, or err was set
	buf    []byte        // lines that wait
	room   chan struct{} // closed when buf has been taken; nil while nobody waits for that
	err    error         // why nothing more is taken
}

func newOutbox(trace Trace) *outbox {
	o := &outbox{done: make(chan struct{}), trace: trace}
	o.filled.L = &o.mu
	return o
}

// put adds a line. It waits, until ctx ends, while softLimit bytes or more are waiting.
func (o *outbox) put(ctx context.Context, line []byte) error {
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
func (o *outbox) tryPut(line []byte) (room <-chan struct{}, err error) {
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

// push adds a line without waiting: answers and cancellations, which come from goroutines that
// must not wait.
func (o *outbox) push(line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
	case len(o.buf) >= hardLimit:
		o.shut(fault.New(fault.Unavailable, "the backend does not read its input"))
	default:
		o.add(line)
	}
}

func (o *outbox) add(line []byte) {
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

// close lets nothing more in; what is in is still written.
func (o *outbox) close(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shut(err)
}

func (o *outbox) shut(err error) {
	if o.err == nil {
		o.err = err
		close(o.done)
		o.filled.Signal()
	}
}

// writeTo writes what is put until the outbox is closed and empty, or w fails; then it closes w.
// A failure becomes the outbox's error through explain.
func (o *outbox) writeTo(w io.WriteCloser, explain func(error) error) {
	defer func() { _ = w.Close() }()
	var empty []byte
	for {
		batch := o.take(empty)
		if len(batch) == 0 {
			return
		}
		if _, err := w.Write(batch); err != nil {
			o.close(explain(err))
			return
		}
		if empty = batch[:0]; cap(batch) > keepLimit {
			empty = nil
		}
	}
}

// take waits for lines and swaps them for an empty buffer; none means the end.
func (o *outbox) take(empty []byte) []byte {
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
