package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"onemcp/internal/sse"
)

const (
	streamEvents = 3
	streamGap    = 300 * time.Millisecond
	maxEvent     = 64 << 10
)

// patientStream looks at a stream again when its events came together, lest this machine was
// to blame.
func (e *examination) patientStream(ctx context.Context) Stream {
	s := e.stream(ctx, streamEvents, streamGap)
	if s.bunched() {
		s = e.stream(ctx, streamEvents, streamGap)
	}
	return s
}

// idle holds a stream open that has nothing but beats for more than two of them. It returns nil when
// that would take long and was not asked for.
func (e *examination) idle(ctx context.Context) *Stream {
	beat := time.Duration(e.out.Clean.Whoami.Heartbeat) * time.Millisecond
	silence := 2*beat + beat/2
	if beat == 0 || silence > quickIdle && !e.plan.Idle {
		return nil
	}
	s := e.stream(ctx, 2, silence)
	return &s
}

// stream asks for events that far apart, and notes when they come.
func (e *examination) stream(ctx context.Context, events int, gap time.Duration) Stream {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(events)*gap+patience)
	defer cancel()
	s := Stream{Events: events, Gap: gap}
	path := fmt.Sprintf("/whoami/stream?events=%d&gap=%d", events, gap.Milliseconds())
	a := ask{method: http.MethodGet, path: path, header: http.Header{"Accept": {"text/event-stream"}}}
	res := e.send(ctx, &s.Call, a, e.base+path, http.NoBody, 0)
	if res == nil {
		return s
	}
	defer res.Body.Close()
	s.First, s.Packed = s.Got.Sub(s.Sent), res.Uncompressed
	if res.StatusCode == http.StatusOK {
		s.read(sse.NewReader(res.Body, maxEvent))
	}
	return s
}

func (s *Stream) read(r *sse.Reader) {
	for len(s.Came) < s.Events {
		event, err := r.Next()
		s.Got = time.Now()
		if err != nil {
			s.Cut = true
			return
		}
		if event.ID != "" {
			s.Came = append(s.Came, s.Got.Sub(s.Sent))
		}
	}
}

// body sends a request of a size.
func (e *examination) body(ctx context.Context, size int64) Upload {
	u := Upload{Size: size}
	e.upload(ctx, &u, bytes.NewReader(make([]byte, size)), nil)
	return u
}

// errGoOn is what the body of an announced request says when it is asked for.
var errGoOn = errors.New("go on")

const goOn = "go on" // the kind of failure that it is

// refuser is a body that is never sent.
type refuser struct{}

func (refuser) Read([]byte) (int, error) { return 0, errGoOn }

// announce says that a large request comes, and waits for an answer to that alone: a proxy refuses it,
// or asks to go on, which ends it.
func (e *examination) announce(ctx context.Context, size int64) Upload {
	u := Upload{Size: size}
	e.upload(ctx, &u, refuser{}, http.Header{"Expect": {"100-continue"}})
	if kind := u.Failure.Kind; kind == goOn || kind == "timeout" {
		u.Call = Call{Status: http.StatusContinue}
	}
	return u
}

func (e *examination) upload(ctx context.Context, u *Upload, body io.Reader, h http.Header) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a := ask{method: http.MethodPost, path: "/whoami/body", header: http.Header{"Content-Type": {"application/octet-stream"}}}
	for name, values := range h {
		a.header[name] = values
	}
	res := e.send(ctx, &u.Call, a, e.base+a.path, body, u.Size)
	if res == nil {
		return
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, keptBody)) // what came counts
	u.Call.Body = string(text)
}
