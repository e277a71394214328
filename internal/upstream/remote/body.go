package remote

import (
	"io"
	"math"
	"mime"
	"slices"
)

const (
	firstRead   = 1 << 10 // of a body of unknown length
	trustedSize = 4 << 20 // a body that claims to be longer gets its room as it comes
	restSize    = 16 << 10
	headSize    = 32 << 10 // how much is read before it is known what becomes of the rest, and of that at a time
	eventSize   = 24 << 10 // the same of an event: so much, with its fields, fits a buffer of headSize with room to read on

	typeJSON   = "application/json"
	typeStream = "text/event-stream"
)

// readAll returns the whole body of an answer, in memory of its own, and closes it.
func (e *endpoint) readAll(a answer) ([]byte, error) {
	b := body{at: e, from: a}
	defer b.close()
	if err := b.begin(); err != nil {
		return nil, err
	}
	return b.rest()
}

// A body is that of an answer on its way into memory. Its owner closes it.
type body struct {
	at    *endpoint
	from  answer
	text  []byte
	lent  *[headSize]byte // what text lies in, if it is to be given back
	ended bool            // text is all
	begun bool            // text was a piece of what is poured
}

// begin reads the first headSize bytes, or all there is.
func (b *body) begin() error {
	length := b.from.length
	switch {
	case length > int64(b.at.max):
		return b.at.errTooLarge()
	case length >= headSize:
		b.lent = b.at.heads.get()
		b.text = b.lent[:0]
	case length >= 0:
		b.text = slices.Grow(b.text, int(length)+1) // the one byte lets the end be seen
	default:
		b.text = make([]byte, 0, firstRead)
	}
	return b.read(headSize)
}

// read goes on until there are so many bytes, or the end.
func (b *body) read(wanted int) error {
	for !b.ended && len(b.text) < wanted {
		if len(b.text) == cap(b.text) {
			b.text = slices.Grow(b.text, cap(b.text))
		}
		if err := b.readOnce(min(cap(b.text), wanted)); err != nil {
			return err
		}
		if len(b.text) > b.at.max {
			return b.at.errTooLarge()
		}
	}
	return nil
}

// readOnce takes what there is, up to so many bytes in all.
func (b *body) readOnce(most int) error {
	n, err := b.from.body.Read(b.text[len(b.text):most])
	b.text = b.text[:len(b.text)+n]
	if b.ended = err == io.EOF; err != nil && !b.ended {
		return b.at.errCut(err)
	}
	return nil
}

// rest reads what is left and returns the whole, in memory of its own.
func (b *body) rest() ([]byte, error) {
	if b.lent != nil {
		room := int(min(b.from.length, trustedSize)) + 1
		b.text = append(make([]byte, 0, room), b.text...)
	}
	if err := b.read(math.MaxInt); err != nil {
		return nil, err
	}
	return b.text, nil
}

// Piece implements source. Each piece is read into the memory of the one before.
func (b *body) Piece() ([]byte, error) {
	switch {
	case !b.begun:
		b.begun = true
		return b.text, nil
	case b.ended:
		return nil, io.EOF
	}
	b.text = b.text[:0]
	err := b.readOnce(cap(b.text))
	return b.text, err
}

func (b *body) close() {
	_ = b.from.body.Close()
	b.at.heads.put(b.lent)
	b.lent = nil
}

// discard closes the body of an answer that nobody reads, after the little that may be in it, so that the
// socket can be used again.
func (a answer) discard() {
	if a.length != 0 && a.mediaType() != typeStream {
		_, _ = io.CopyN(io.Discard, a.body, restSize)
	}
	_ = a.body.Close()
}

// mediaType returns the content type without parameters.
func (a answer) mediaType() string {
	switch a.kind { // as nearly always
	case typeJSON, typeJSON + "; charset=utf-8":
		return typeJSON
	case typeStream:
		return typeStream
	}
	kind, _, err := mime.ParseMediaType(a.kind)
	if err != nil {
		return ""
	}
	return kind
}
