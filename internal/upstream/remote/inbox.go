package remote

import (
	"io"
	"net/url"

	"onemcp/internal/fault"
	"onemcp/internal/sse"
)

// A stream is the answer that brings a connection's events.
type stream struct {
	body   io.Closer
	events *sse.Reader
}

func (s *stream) close() { _ = s.body.Close() }

// endpoint reads the first event, which tells where messages are to be sent: to the origin of
// the stream and nowhere else.
func (s *stream) endpoint(at *endpoint) (*url.URL, error) {
	e, err := s.events.Next()
	switch {
	case err != nil:
		return nil, at.errCut(err)
	case e.Name != "endpoint":
		return nil, fault.New(fault.Malformed, "backend %q began its stream without an endpoint event", at.name).
			WithHint("is its url that of an HTTP+SSE server?")
	}
	to, err := at.url.Parse(string(e.Data))
	if err != nil {
		return nil, fault.New(fault.Malformed, "backend %q named an endpoint that is no URL", at.name)
	}
	if !sameOrigin(at.url, to) {
		return nil, fault.New(fault.Unavailable, "backend %q wants messages sent to another origin, %s, which was refused", at.name, origin(to))
	}
	to.User, to.Fragment = nil, ""
	return to, nil
}
