package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"onemcp/internal/life"
	"onemcp/internal/sse"
)

// errOver says that a connection's stream is not to be opened again.
var errOver = errors.New("no more stream")

// A listener keeps the stream of a legacy session open, which brings what belongs to no request.
type listener struct {
	s      *streamable
	at     place
	opened bool            // the backend has the stream
	tried  func()          // called once the backend has answered the first attempt, or cannot
	hear   <-chan struct{} // closed when messages may be handed on
}

// openStream opens the stream of the session, and returns after the backend's answer or a short time: what a
// backend says on a stream that is not there yet is lost, a question of the first call for example. Its
// messages are kept until hear is called.
func (s *streamable) openStream(ctx context.Context) (hear func()) {
	tried, heard := make(chan struct{}), make(chan struct{})
	l := &listener{s: s, tried: sync.OnceFunc(func() { close(tried) }), hear: heard}
	s.tasks.run(l.listen)
	defer time.AfterFunc(streamTime, l.tried).Stop()
	defer life.AfterFunc(ctx, l.tried)()
	<-tried
	return func() { close(heard) }
}

// listen returns when ctx ends, the session is lost or the backend says that it has no such
// stream. That the stream is cut now and then is normal.
func (l *listener) listen(ctx context.Context) {
	defer l.tried()
	for attempt := 0; ; attempt++ {
		err := l.once(ctx)
		if ctx.Err() != nil || errors.Is(err, errOver) {
			return
		}
		if l.at.moved {
			attempt, l.at.moved = 0, false
		}
		if !life.Pause(ctx, l.at.delay(attempt)) {
			return
		}
	}
}

// once opens the stream and takes its messages until it ends.
func (l *listener) once(ctx context.Context) error {
	once := life.With(ctx)
	defer once.End(nil)
	labels := l.s.labels.Load()
	a, err := l.s.send(once, labels.after(l.at.id))
	l.tried()
	if err != nil {
		if errors.Is(err, errUnreachable) {
			return errOver // send has told Run
		}
		return err
	}
	if err := l.judge(a, labels); err != nil {
		return err
	}
	defer func() { _ = a.body.Close() }()
	l.opened = true
	select {
	case <-l.hear:
	case <-once.Done():
		return once.Err()
	}
	return l.s.ledger.hear(sse.NewReader(a.body, l.s.at.max), &l.at)
}

// judge returns nil for a stream, errOver if there will be none, and another error if it is to be tried again.
func (l *listener) judge(a answer, labels *labels) error {
	code := a.code
	switch {
	case code < 300 && a.mediaType() == typeStream:
		return nil
	case code >= 500, code == http.StatusConflict, code == http.StatusTooManyRequests:
		a.discard()
		return status(a, nil)
	case code == http.StatusNotFound && l.opened:
		_, _ = l.s.refuse(a, labels) // ends the session
		return errOver
	}
	a.discard()
	if code != http.StatusMethodNotAllowed { // which the specification wants; the field knows others
		l.s.ledger.drop(fmt.Sprintf("the backend refused the stream of the session with HTTP status %d", code))
	}
	return errOver
}
