package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
	"onemcp/internal/sse"
)

const (
	maxResumes = 5           // attempts in a row to go on with a call's stream
	firstPause = time.Second // before a stream is taken up again, unless the gateway says how long
	longPause  = 10 * time.Second
)

// errGone means that the gateway does not know the session any more. It has not looked at the message.
var errGone = errors.New("the session is gone")

// call is one request on its way.
type call struct {
	r  *Relay
	m  *mcp.Message
	st gateway.Stream
}

// place is how far a stream has been read.
type place struct {
	id    string        // of the last event; empty: the stream cannot be taken up again
	pause time.Duration // that the gateway wants before that
}

func (p *place) note(e sse.Event) {
	if e.ID != "" {
		p.id = e.ID
	}
	if e.Retry > 0 {
		p.pause = min(e.Retry, longPause)
	}
}

// exchange sends the request and returns its answer, raw, with the head of the response that brought it.
func (k *call) exchange(ctx context.Context, h http.Header) (body []byte, head http.Header, err error) {
	resp, err := k.r.send(ctx, http.MethodPost, h, k.m.Raw)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound && h.Get(mcp.HeaderSession) != "":
		return nil, nil, errGone
	case resp.StatusCode == http.StatusOK && mediaType(resp) == typeStream:
		body, err = k.stream(ctx, resp, h)
	case mediaType(resp) == typeJSON:
		body, err = k.single(ctx, resp)
	case resp.StatusCode < 300:
		err = fault.New(fault.Unavailable, "the gateway at %s accepted the request and did not answer it", k.r.o.Shown)
	default:
		err = k.r.refused(resp)
	}
	return body, resp.Header, err
}

// single takes an answer that is a JSON body. An error that is about the request and does not name it gets its id.
func (k *call) single(ctx context.Context, resp *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(k.r.o.MaxMessage)+1))
	switch {
	case err != nil:
		return nil, k.cut(ctx, err)
	case len(body) > k.r.o.MaxMessage:
		return nil, k.r.tooLarge()
	}
	m, err := mcp.Scan(body)
	switch {
	case err == nil && k.answers(&m):
		return body, nil
	case err == nil && m.Kind == mcp.Error:
		return mcp.AppendError(nil, k.m.IDBytes(), m.ErrorCode(), m.ErrorMessage(), m.ErrorData()), nil
	case resp.StatusCode >= 300:
		return nil, k.r.refused(resp)
	}
	return nil, fault.New(fault.Unavailable, "the gateway at %s gave an answer that is none", k.r.o.Shown).WithHint("is it an MCP endpoint?").WithCause(err)
}

func (r *Relay) tooLarge() error {
	return fault.New(fault.TooLarge, "the gateway at %s sent a message over the limit of %d bytes", r.o.Shown, r.o.MaxMessage)
}

// answers reports whether a message is the answer to the request.
func (k *call) answers(m *mcp.Message) bool {
	return (m.Kind == mcp.Result || m.Kind == mcp.Error) && bytes.Equal(m.IDBytes(), k.m.IDBytes())
}

// stream takes the answer from an event stream. That of a session is taken up again when it breaks.
func (k *call) stream(ctx context.Context, resp *http.Response, h http.Header) ([]byte, error) {
	var at place
	body, err := k.follow(resp, &at)
	for n := 0; err != nil && !isFault(err) && at.id != "" && h.Get(mcp.HeaderSession) != "" && n < maxResumes; n++ {
		before := at.id
		if !life.Pause(ctx, max(at.pause, firstPause)) {
			break
		}
		body, err = k.resume(ctx, h, &at)
		if at.id != before {
			n = 0
		}
	}
	if err != nil && !isFault(err) {
		err = k.cut(ctx, err)
	}
	return body, err
}

func isFault(err error) bool {
	_, ok := errors.AsType[*fault.Error](err)
	return ok
}

// follow takes messages up to the answer.
func (k *call) follow(resp *http.Response, at *place) ([]byte, error) {
	events := sse.NewReader(resp.Body, k.r.o.MaxMessage)
	for {
		data, err := k.r.next(events, at)
		if err != nil {
			return nil, err
		}
		m, err := mcp.Scan(data)
		switch {
		case err != nil:
			k.r.o.Log.Warn("the gateway sent an event that is no message", "error", err)
		case k.answers(&m):
			return data, nil
		default:
			k.st.Send(data)
		}
	}
}

// resume asks for the rest of the stream.
func (k *call) resume(ctx context.Context, h http.Header, at *place) ([]byte, error) {
	resp, err := k.r.get(ctx, h, at)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || mediaType(resp) != typeStream {
		return nil, k.lost()
	}
	return k.follow(resp, at)
}

// get opens a stream of the session behind a place.
func (r *Relay) get(ctx context.Context, h http.Header, at *place) (*http.Response, error) {
	h = h.Clone()
	h.Set("Accept", typeStream)
	if at.id != "" {
		h.Set(mcp.HeaderLastEvent, at.id)
	}
	return r.send(ctx, http.MethodGet, h, nil)
}

// next returns the data of the next event that is a message, as memory of its own.
func (r *Relay) next(events *sse.Reader, at *place) ([]byte, error) {
	for {
		event, err := events.Next()
		if _, long := errors.AsType[*sse.TooLargeError](err); long {
			return nil, r.tooLarge()
		}
		if err != nil {
			return nil, err
		}
		at.note(event)
		if event.Name == "" && len(event.Data) > 0 {
			return bytes.Clone(event.Data), nil
		}
	}
}

// cut is the error of a request whose answer was lost on the way.
func (k *call) cut(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return k.lost().WithCause(err)
}

func (k *call) lost() *fault.Error {
	return fault.New(fault.Unavailable, "the gateway at %s was lost in mid-call: whether it has done what was asked is not known", k.r.o.Shown).
		WithHint("look before you repeat %s", k.m.Method)
}
