package sse

import (
	"bytes"
	"errors"
)

// errFull says that an event does not fit.
var errFull = errors.New("the event is over the limit")

// endSize is how much of each end of an event over the limit is kept.
const endSize = 256

// TooLargeError says that an event is over the reader's limit.
type TooLargeError struct {
	Head []byte // how the event's data begins
}

// Error implements error.
func (*TooLargeError) Error() string { return "an event is over the size limit" }

// A rest is what is left of an event over the limit.
type rest uint8

const (
	noRest   rest = iota
	fromLine      // from the start of a line
	inLine        // from within a line
)

// tooLarge reports an event of which that is left.
func (r *Reader) tooLarge(left rest) *TooLargeError {
	if left == inLine {
		r.field(r.buf[r.pos:]) // what there is of it
		r.pos = len(r.buf)
	}
	data := r.finish().Data
	r.left, r.tail = left, bytes.Clone(last(data))
	return &TooLargeError{Head: bytes.Clone(data[:min(len(data), endSize)])}
}

// Skip passes over what is left of an event that [Reader.Next] found to be over the limit, and returns how its
// last line ends. It reads for as long as the event goes on.
func (r *Reader) Skip() (tail []byte, err error) {
	for r.left != noRest {
		part, ended := r.part()
		if len(part) > 0 {
			r.left = inLine
			r.tail = last(append(r.tail, last(part)...))
		}
		switch {
		case ended && r.left == fromLine:
			r.left = noRest
		case ended:
			r.left = fromLine
		default:
			err = r.fill()
		}
		if err != nil {
			return nil, err
		}
	}
	return r.tail, nil
}

// part takes what the buffer holds of a line.
func (r *Reader) part() (part []byte, ended bool) {
	r.skip()
	part = r.buf[r.pos:]
	if end := lineEnd(part); end >= 0 {
		part, ended = part[:end], true
		r.endLine(end)
	} else {
		r.pos = len(r.buf)
	}
	r.start = r.pos
	return part, ended
}

func last(data []byte) []byte { return data[max(0, len(data)-endSize):] }
