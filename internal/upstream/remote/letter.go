package remote

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"

	"onemcp/internal/h1"
)

// A form is what many requests have in common, ready-made. It is shared by them and does not change.
type form struct {
	method string
	to     *url.URL
	head   h1.Head     // where h1 sends it
	err    error       // why it cannot be sent there
	header http.Header // where net/http does; nil where h1 does
}

func (e *endpoint) form(method string, to *url.URL, h http.Header) *form {
	f := &form{method: method, to: to}
	if !e.pool.plain {
		f.header = h
	} else if head, err := h1.NewHead(method, to, e.host, h); err != nil {
		f.err = err
	} else {
		f.head = *head
	}
	return f
}

// with returns f with more headers, which win.
func (f *form) with(more []h1.Field) form {
	there := *f
	switch {
	case len(more) == 0 || f.err != nil:
	case f.header == nil:
		there.head, there.err = f.head.With(more)
	default:
		there.header = withFields(f.header, more)
	}
	return there
}

func withFields(h http.Header, more []h1.Field) http.Header {
	h = maps.Clone(h)
	for _, f := range more {
		h[http.CanonicalHeaderKey(f[0])] = []string{f[1]}
	}
	return h
}

// moved returns f with another target.
func (e *endpoint) moved(f *form, to *url.URL) *form {
	there := *f
	if there.to = to; f.header == nil && f.err == nil {
		there.head, there.err = f.head.At(to, e.host)
	}
	return &there
}

// A letter is one request.
type letter struct {
	*form
	more  []h1.Field // its own headers, which win
	twice bool       // it may be sent once more though the backend may have seen it
	body  *payload   // nil: none
}

// An answer is what came back.
type answer struct {
	code   int
	length int64                                // of the body, -1 if it is not known
	kind   string                               // of the body, as its header says
	header interface{ Get(name string) string } // of a success, until the body is read
	body   io.ReadCloser
}

// sender is how letters go to one origin.
type sender interface {
	send(ctx context.Context, l letter) (answer, error)
	CloseIdleConnections()
}

// plain sends letters over h1.
type plain struct{ *h1.Transport }

func (t plain) send(ctx context.Context, l letter) (answer, error) {
	if l.err != nil {
		return answer{}, l.err
	}
	r := h1.Request{Head: &l.head, More: l.more, Repeatable: l.twice}
	if l.body != nil {
		r.Body, r.Reading = l.body.text, &l.body.readers
	}
	a, err := t.Do(ctx, &r)
	if err != nil {
		return answer{}, err
	}
	return answer{a.Status, a.Length, a.Type, a, a}, nil
}

// full sends letters over net/http: with TLS, through proxies, by HTTP/2.
type full struct {
	*http.Transport
	host string // of the Host header; empty: that of the URL
}

func (t full) send(ctx context.Context, l letter) (answer, error) {
	bare := http.Request{
		Method: l.method, URL: l.to, Host: t.host, Header: l.fullHeader(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if l.body != nil {
		bare.ContentLength = int64(len(l.body.text))
		bare.Body, bare.GetBody = l.body.open(), l.body.reopen
	}
	resp, err := t.RoundTrip(bare.WithContext(ctx))
	if err != nil {
		return answer{}, err
	}
	return answer{resp.StatusCode, resp.ContentLength, resp.Header.Get("Content-Type"), resp.Header, resp.Body}, nil
}

// fullHeader returns all headers, as net/http wants them.
func (l *letter) fullHeader() http.Header {
	if len(l.more) == 0 && !l.twice {
		return l.header
	}
	h := withFields(l.header, l.more)
	if l.twice {
		h["Idempotency-Key"] = nil // tells net/http, and nobody else
	}
	return h
}
