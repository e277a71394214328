package accesslog

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	holdFor = 50 * time.Millisecond // how long a line may wait for others
	holdMax = 32 << 10              // bytes that wait at most
)

// Buffer gathers lines on their way to a writer. Make it with [NewBuffer].
type Buffer struct {
	w io.Writer

	mu    sync.Mutex
	held  []byte
	timer *time.Timer
	armed bool
}

// NewBuffer returns a buffer before w.
func NewBuffer(w io.Writer) *Buffer { return &Buffer{w: w} }

// Write implements io.Writer. It takes whole lines, which go out together with others a moment later.
func (b *Buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = append(b.held, line...)
	if len(b.held) >= holdMax {
		b.flush()
	} else if !b.armed {
		b.arm()
	}
	return len(line), nil
}

func (b *Buffer) arm() {
	b.armed = true
	if b.timer == nil {
		b.timer = time.AfterFunc(holdFor, b.late)
		return
	}
	b.timer.Reset(holdFor)
}

func (b *Buffer) late() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = false
	b.flush()
}

// Flush writes what is held.
func (b *Buffer) Flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flush()
}

func (b *Buffer) flush() {
	if len(b.held) > 0 {
		_, _ = b.w.Write(b.held)
		b.held = b.held[:0]
	}
}

// Through returns a handler that writes with h, which writes to b, and holds nothing back.
func (b *Buffer) Through(h slog.Handler) slog.Handler { return through{h, b} }

type through struct {
	slog.Handler
	b *Buffer
}

// Handle implements slog.Handler.
func (t through) Handle(ctx context.Context, r slog.Record) error {
	defer t.b.Flush()
	return t.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (t through) WithAttrs(attrs []slog.Attr) slog.Handler {
	return through{t.Handler.WithAttrs(attrs), t.b}
}

// WithGroup implements slog.Handler.
func (t through) WithGroup(name string) slog.Handler { return through{t.Handler.WithGroup(name), t.b} }
