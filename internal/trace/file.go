package trace

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"onemcp/internal/fault"
)

const (
	maxQueued  = 64 << 20 // bytes of messages that wait for the disk
	maxEntries = 1 << 16
)

// Options are what a trace is made of.
type Options struct {
	Path string       // of the file, which is made if there is none, and else appended to
	Full bool         // the messages as they are, with all that is secret in them
	Log  *slog.Logger // for trouble with the file; nil: none
}

// File is a trace on disk. It is made by [Open] and written by Run; what it observes before Run waits.
type File struct {
	out  writer
	full bool
	wake chan struct{} // holds one token when there is something to do

	mu      sync.Mutex
	queue   []entry
	queued  int    // bytes of messages in queue, and of those being copied
	dropped uint64 // since it was told last
	closed  bool
}

// Open opens the file of a trace, for its owner alone. It does not wait for a reader of a named pipe. The error is a fault.
func Open(o Options) (*File, error) {
	w, err := os.OpenFile(o.Path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, unusable(o.Path, err)
	}
	if err := makePrivate(w); err != nil {
		_ = w.Close()
		return nil, unusable(o.Path, err)
	}
	return newFile(w, o), nil
}

// makePrivate keeps others from reading a file that was there before.
func makePrivate(w *os.File) error {
	info, err := w.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() == 0o600 {
		return err
	}
	return w.Chmod(0o600)
}

func unusable(path string, err error) error {
	why := err
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		why = e.Err // without the path, which is told already
	}
	if errors.Is(err, syscall.ENXIO) {
		return fault.New(fault.Invalid, "the trace file %s is a pipe that nobody reads", path).WithHint("start its reader first").WithCause(err)
	}
	return fault.New(fault.Invalid, "the trace file %s cannot be used: %v", path, why).WithHint("name another with --trace-mcp").WithCause(err)
}

func newFile(w io.WriteCloser, o Options) *File {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &File{out: writer{w: w, log: o.Log}, full: o.Full, wake: make(chan struct{}, 1)}
}

// Close closes a file that is not Run.
func (f *File) Close() error { return f.out.w.Close() }

// Observe takes an event to be written. It is an [Observer].
func (f *File) Observe(e Event) {
	if !f.reserve(len(e.Message)) {
		return
	}
	e.Message = bytes.Clone(e.Message)
	f.mu.Lock()
	f.queue = append(f.queue, entry{Event: e, at: time.Now()})
	f.mu.Unlock()
	f.nudge()
}

// reserve takes room for a message, or counts it as dropped. One alone has room always.
func (f *File) reserve(size int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.queued > 0 && f.queued+size > maxQueued || len(f.queue) >= maxEntries {
		f.dropped++
		return false
	}
	f.queued += size
	return true
}

func (f *File) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// take returns what is to be written, and how much was dropped behind it.
func (f *File) take() (entries []entry, dropped uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	entries, dropped = f.queue, f.dropped
	f.queue, f.dropped = nil, 0
	for i := range entries {
		f.queued -= len(entries[i].Message)
	}
	return entries, dropped
}

// Run writes until ctx ends and all that was observed before is written; then it closes the file. Trouble with
// the file is logged and counted, and ends nothing.
func (f *File) Run(ctx context.Context) error {
	f.out.note("started", "redacted", strconv.AppendBool(nil, !f.full))
	f.out.flush()
	for ctx.Err() == nil {
		select {
		case <-f.wake:
		case <-ctx.Done():
		}
		f.flush()
	}
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.flush() // what came in between
	f.out.note("stopped", "redacted", strconv.AppendBool(nil, !f.full))
	f.out.flush()
	return f.out.w.Close()
}

// flush writes what waits.
func (f *File) flush() {
	entries, dropped := f.take()
	for i := range entries {
		f.out.line(entries[i], f.full)
		entries[i].Message = nil
	}
	f.out.flush()
	f.out.drop(dropped)
}
