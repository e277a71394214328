package front

import (
	"context"
	"net/http"
	"time"

	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

// headerLastEvent names the last event that a client got of the stream it wants to go on with.
const headerLastEvent = "Last-Event-Id"

// resumable is a channel whose client may come back for what it has missed.
type resumable struct {
	*session.Stream
	primes bool // the client knows events without data
}

// newResumable begins a stream for an answer to a client of a session, which is about to be read.
func newResumable(s *session.Session) resumable {
	st := s.NewStream()
	st.Expect()
	return resumable{st, primes(s)}
}

// primes reports whether a session's client knows events that only say where a stream begins: older ones take them for
// broken messages.
func primes(s *session.Session) bool { return s.Version >= mcp.Version20251125 }

// run implements channel.
func (r resumable) run(ctx context.Context, e *events, beat time.Duration) error {
	return r.Attach(ctx, r.reader(e, beat))
}

// reader writes a session's stream as events.
func (r resumable) reader(e *events, beat time.Duration) session.Reader {
	return session.Reader{
		Begin: func(at session.Place) {
			if r.primes {
				e.prime(at)
			}
		},
		Write: func(all []session.Event) (int, error) {
			for _, one := range all {
				e.event(one)
			}
			if err := e.flush(); err != nil {
				return 0, err
			}
			return len(all), nil
		},
		Idle: e.beat,
		Beat: beat,
	}
}

// listen is a session's own stream, for what belongs to no call, or with Last-Event-ID the rest of any of its streams. The
// newest reader of a stream gets the messages; an older one ends. Where nothing more will come, the
// status 204 tells the client not to ask again.
func (f *Front) listen(x *exchange, r *http.Request, at place) error {
	if err := checkAccept(r.Header, typeStream); err != nil {
		return err
	}
	s, err := f.session(x, r, at)
	if err != nil {
		return err
	}
	stream, after, over := s.Continue(r.Header.Get(headerLastEvent))
	if over {
		x.Header().Set("Content-Type", typeStream)
		x.WriteHeader(http.StatusNoContent)
		return nil
	}
	to := resumable{stream, primes(s)}
	e := x.events()
	if !to.primes {
		e.comment() // some proxies hold the head until there is a body
	}
	reader := to.reader(e, f.Heartbeat)
	reader.After = after
	_ = stream.Attach(r.Context(), reader) // however it ends, the stream has ended
	return nil
}
