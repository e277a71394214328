package remote

import (
	"io"
	"mime"
	"net/http"
	"slices"
)

const (
	firstRead   = 1 << 10 // of a body of unknown length
	trustedSize = 4 << 20 // a body that claims to be longer gets its room as it comes
	restSize    = 16 << 10

	typeJSON   = "application/json"
	typeStream = "text/event-stream"
)

// readAll returns the whole body of an answer, in memory of its own, and closes it.
func (e *endpoint) readAll(resp *http.Response) ([]byte, error) {
	defer func() { _ = resp.Body.Close() }()
	if resp.ContentLength > int64(e.max) {
		return nil, e.errTooLarge()
	}
	room := firstRead
	if resp.ContentLength >= 0 {
		room = int(min(resp.ContentLength, trustedSize)) + 1 // the one byte lets the end be seen
	}
	text := make([]byte, 0, room)
	for {
		if len(text) == cap(text) {
			text = slices.Grow(text, cap(text))
		}
		n, err := resp.Body.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case len(text) > e.max:
			return nil, e.errTooLarge()
		case err == io.EOF:
			return text, nil
		case err != nil:
			return nil, e.errCut(err)
		}
	}
}

// discard closes the body of an answer that nobody reads, after the little that may be in it, so that the
// socket can be used again.
func discard(resp *http.Response) {
	if mediaType(resp) != typeStream {
		_, _ = io.CopyN(io.Discard, resp.Body, restSize)
	}
	_ = resp.Body.Close()
}

// mediaType returns the content type without parameters.
func mediaType(resp *http.Response) string {
	text := resp.Header.Get("Content-Type")
	if text == typeJSON || text == typeStream {
		return text
	}
	kind, _, err := mime.ParseMediaType(text)
	if err != nil {
		return ""
	}
	return kind
}
