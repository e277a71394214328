package remote

import (
	"bytes"
	"io"
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
	r := &payloadReader{p: p}
	r.Reset(p.text)
	return r
}

// reopen is open for http.Request.GetBody.
func (p *payload) reopen() (io.ReadCloser, error) { return p.open(), nil }

// wait returns when all readers are closed.
func (p *payload) wait() { p.readers.Wait() }

type payloadReader struct {
	bytes.Reader
	p      *payload
	closed sync.Once
}

// Close implements io.Closer.
func (r *payloadReader) Close() error {
	r.closed.Do(r.p.readers.Done)
	return nil
}
