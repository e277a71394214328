package peer

import (
	"bytes"
	"context"
	"io"
	"runtime"
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
	quick *quick        // by which a line that need not wait is written by who puts it; nil: all are left to Pump

	mu     sync.Mutex
	filled sync.Cond     // buf has become non-empty, or err was set
	buf    []byte        // lines that wait
	room   chan struct{} // closed when buf has been taken; nil while nobody waits for that
	busy   bool          // somebody writes what was taken from buf
	spare  []byte        // empty, for the next buf
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
		mine, room, err := o.tryPut(line)
		if mine {
			o.write()
		}
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

// tryPut adds a line, or returns what to wait for. mine says that what waits is the caller's to write.
func (o *Outbox) tryPut(line []byte) (mine bool, room <-chan struct{}, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return false, nil, o.err
	}
	if len(o.buf) >= softLimit {
		if o.room == nil {
			o.room = make(chan struct{})
		}
		return false, o.room, nil
	}
	first := len(o.buf) == 0
	o.add(line)
	switch {
	case !first || o.busy: // it is written with others
	case o.quick == nil:
		o.filled.Signal()
	default:
		o.busy, mine = true, true
	}
	return mine, nil, nil
}

// write writes what waits as far as that goes without waiting. The rest, and what comes meanwhile, is left to Pump. Before,
// it lets all goroutines run that are ready: those that have something to send add it to the same write.
func (o *Outbox) write() {
	runtime.Gosched()
	batch := o.takeSpare()
	n := o.quick.write(batch)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy = false
	if n < len(batch) {
		o.buf = append(slices.Clone(batch[n:]), o.buf...)
	} else if cap(batch) <= keepLimit {
		o.spare = batch[:0]
	}
	if len(o.buf) > 0 || o.err != nil {
		o.filled.Signal()
	}
}

// takeSpare swaps what waits for the spare buffer.
func (o *Outbox) takeSpare() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	empty := o.spare
	o.spare = nil
	return o.swap(empty)
}

// swap takes what waits and leaves an empty buffer. Its caller is who writes.
func (o *Outbox) swap(empty []byte) (batch []byte) {
	batch, o.buf, o.busy = o.buf, empty, true
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
	return batch
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
		o.filled.Signal()
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
	for wrote := false; ; wrote = true {
		batch := o.take(empty, wrote)
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

// take waits for lines and swaps them for an empty buffer; none means the end. wrote says that those of the last call
// are written.
func (o *Outbox) take(empty []byte, wrote bool) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if wrote {
		o.busy = false
	}
	for o.busy || len(o.buf) == 0 && o.err == nil {
		o.filled.Wait()
	}
	return o.swap(empty)
}
