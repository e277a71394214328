package remote

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/sse"
	"onemcp/internal/upstream"
)

const (
	firstDelay  = time.Second
	longestWait = 30 * time.Second
	maxResumes  = 5 // attempts in a row without an event
	drainTime   = time.Second
)

// A place is how far a stream has been read.
type place struct {
	once  bool          // the stream cannot be taken up again, whatever ids it has
	id    string        // of the last event; empty: the stream cannot be taken up again
	retry time.Duration // what the backend wants us to wait; 0: it does not say
	moved bool          // an event has come since the last attempt
}

// delay returns how long to wait before the attempt with that number, from 0.
func (p *place) delay(attempt int) time.Duration {
	if p.retry > 0 && attempt == 0 {
		return p.retry
	}
	d := min(max(firstDelay, p.retry)<<min(attempt, 5), longestWait)
	return d/2 + rand.N(d/2+1)
}

// isKept reports whether the stream can be taken up again.
func (p *place) isKept() bool { return p.id != "" && !p.once }

// A cutError is the end of a stream before the answer.
type cutError struct{ cause error }

func (e cutError) Error() string { return "the stream ended: " + e.cause.Error() }
func (e cutError) Unwrap() error { return e.cause }

// takeStream takes the messages of a call from the stream that answers it, up to the
// answer. A legacy stream that breaks is taken up again where the backend allows that.
func (s *streamable) takeStream(c *call, a answer, l *labels) error {
	at := place{once: l.modern()}
	err := s.follow(c, a, &at)
	for attempt := 0; isCut(err) && at.isKept(); attempt++ {
		if at.moved {
			attempt, at.moved = 0, false
		}
		if attempt == maxResumes || !life.Pause(&c.ctx, at.delay(attempt)) {
			break
		}
		err = s.resume(c, &at)
	}
	if cut, ok := errors.AsType[cutError](err); ok {
		return s.at.errCut(cut.cause)
	}
	if isLong(err) {
		return s.at.errTooLarge()
	}
	return err
}

func isLong(err error) bool {
	_, ok := errors.AsType[*sse.TooLargeError](err)
	return ok
}

func isCut(err error) bool {
	_, ok := errors.AsType[cutError](err)
	return ok
}

// resume asks for the rest of a call's stream.
func (s *streamable) resume(c *call, at *place) error {
	l := s.labels.Load()
	a, err := s.send(&c.ctx, l.after(at.id))
	switch {
	case err != nil:
		return cutError{err}
	case a.code == http.StatusOK && a.mediaType() == typeStream:
		return s.follow(c, a, at)
	}
	_, err = s.refuse(a, l)
	switch {
	case a.code >= 500:
		return cutError{err}
	case errors.Is(err, upstream.ErrSessionLost):
		return s.at.errSessionOver()
	case fault.KindOf(err) == fault.Unauthorized:
		return err
	}
	return s.at.errCut(errors.New(err.Error())) // it keeps nothing for those who come back; its status is not the call's
}

// follow takes the messages of one stream. It returns nil when the call is answered, and then leaves the
// stream to a task that sees its end, so that the socket can be used again.
func (s *streamable) follow(c *call, a answer, at *place) error {
	events := sse.NewReader(a.body, s.at.max)
	for {
		if err := s.takeEvent(c, events, at); err != nil {
			_ = a.body.Close()
			return err
		}
		if c.isAnswered() {
			s.leave(c, a, events.Ended())
			return nil
		}
	}
}

// takeEvent takes the next event of a call's stream. A large answer is poured unless the stream can be taken up again when it
// breaks: no client may have half of it by then. An id of its own does not help, since only whole events count.
func (s *streamable) takeEvent(c *call, events *sse.Reader, at *place) error {
	event, whole, err := events.Begin(eventSize)
	if err == nil && !whole {
		if event.Name == "" && !at.isKept() {
			if to := s.pourer(c, upstream.Coming{Head: event.Data, Length: -1, Event: true}); to != nil {
				return s.pour(c, pieces{events}, to)
			}
		}
		event, err = events.Next()
	}
	if err != nil {
		return cut(err)
	}
	at.note(event)
	if !isMessage(event) {
		return nil
	}
	return s.ledger.receive(event.Data, c)
}

// pieces are those of an event.
type pieces struct{ events *sse.Reader }

// Piece implements source.
func (p pieces) Piece() ([]byte, error) {
	piece, err := p.events.Piece()
	if err == nil || err == io.EOF {
		return piece, err
	}
	return nil, cut(err)
}

// cut makes a cutError of an error of a stream, unless it is an *sse.TooLargeError, after which reading may go on.
func cut(err error) error {
	if isLong(err) {
		return err
	}
	return cutError{err}
}

func isMessage(e sse.Event) bool { return e.Name == "" && len(e.Data) > 0 }

// nextMessage returns the data of the next event that is a message. The error is that of cut.
func nextMessage(events *sse.Reader, at *place) ([]byte, error) {
	for {
		event, err := events.Next()
		if err != nil {
			return nil, cut(err)
		}
		at.note(event)
		if isMessage(event) {
			return event.Data, nil
		}
	}
}

// hear takes the messages of a stream of the whole connection until the stream ends, and returns why.
func (l *ledger) hear(events *sse.Reader, at *place) error {
	for {
		text, err := nextMessage(events, at)
		if err == nil {
			err = l.receive(text, nil)
		}
		long, isLong := errors.AsType[*sse.TooLargeError](err)
		switch {
		case isLong:
			l.tooLarge(long.Head, events.Skip)
		case isCut(err):
			return err
		case err != nil:
			l.spoilt(text, err)
		}
	}
}

func (p *place) note(e sse.Event) {
	p.moved = true
	if e.ID != "" {
		p.id = e.ID
	}
	if e.Retry > 0 {
		p.retry = min(e.Retry, longestWait)
	}
}

// leave ends the stream of an answered call. Its socket is worth keeping, and nearly always the end is
// on its way, but nobody should wait for it.
func (s *streamable) leave(c *call, a answer, ended bool) {
	if c.left = !ended && s.drain(c, a); !c.left {
		_ = a.body.Close()
	}
}

// drain reads to the end of a stream in a goroutine, and reports whether there is one.
func (s *streamable) drain(c *call, a answer) bool {
	return s.tasks.run(func(ctx context.Context) {
		ctx, stop := context.WithTimeout(ctx, drainTime)
		defer stop()
		context.AfterFunc(ctx, func() { c.ctx.End(nil) })
		_, _ = io.CopyN(io.Discard, a.body, restSize)
		_ = a.body.Close()
	})
}

// logLost writes down what went wrong where nobody waits for it.
func (e *endpoint) logLost(ctx context.Context, what string, err error) {
	level := slog.LevelWarn
	if ctx.Err() != nil || fault.KindOf(err) == fault.Canceled {
		level = slog.LevelDebug
	}
	e.log.LogAttrs(context.WithoutCancel(ctx), level, what, slog.String("backend", e.name), slog.Any("error", err))
}
