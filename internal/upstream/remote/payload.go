package remote

import (
	"io"
	"net/http"
	"sync"
)

// A payload is the body of a request on bytes that somebody else owns. net/http may read a body after it
// has answered, and may read it again from the start; wait tells when it does so no more.
type payload struct {
	text    []byte
	readers sync.WaitGroup
}

// open returns a new reader of the text.
func (p *payload) open() io.ReadCloser {
	p.readers.Add(1)
	return &payloadReader{p: p, rest: p.text}
}

// reopen is open for http.Request.GetBody.
func (p *payload) reopen() (io.ReadCloser, error) { return p.open(), nil }

// wait returns when all readers are closed.
func (p *payload) wait() { p.readers.Wait() }

// payloadReader is locked, since HTTP/2 closes a body that somebody is reading. It offers nothing but Read, which does not take long.
type payloadReader struct {
	p      *payload
	mu     sync.Mutex
	rest   []byte
	closed bool
}

// Read implements io.Reader.
func (r *payloadReader) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return 0, http.ErrBodyReadAfterClose
	case len(r.rest) == 0:
		return 0, io.EOF
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close implements io.Closer. Nothing is read after it.
func (r *payloadReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed, r.rest = true, nil
		r.p.readers.Done()
	}
	return nil
}
