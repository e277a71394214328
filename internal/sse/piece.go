package sse

import (
	"bytes"
	"errors"
	"io"
	"math"
)

var (
	// errEnough says that a line is long enough to be returned in pieces.
	errEnough = errors.New("a part of the line is there")

	errLateName = errors.New("the name of an event stands behind its data")
)

func isData(line []byte) bool { return bytes.HasPrefix(line, []byte("data:")) }

// beginning returns what is there of an event whose first data line is not whole.
func (r *Reader) beginning() Event {
	e := r.event
	_, e.Data = cutField(r.buf[r.pos:])
	return e
}

// Piece returns what has come of the data of an event that [Reader.Begin] has returned a part of: that part at first, and
// io.EOF behind the last. It is valid until the next call. The first data line, however long, takes no more memory than
// the part; each of any further ones is held whole. Other fields behind the data are passed over, but for a name: that it
// is no message comes too late and is an error. The other errors are those of Next, where only a line can be over the limit.
func (r *Reader) Piece() ([]byte, error) {
	if r.begun {
		data := r.beginning().Data
		r.begun, r.hasField, r.left, r.pos = false, true, inLine, len(r.buf)
		r.start = r.pos
		return data, nil
	}
	for r.left == inLine {
		part, ended := r.part()
		if ended {
			r.left = fromLine
		}
		if len(part) > 0 {
			return part, nil
		}
		if ended {
			break
		}
		if err := r.fill(); err != nil {
			return nil, r.ending(err)
		}
	}
	return r.furtherLine()
}

// furtherLine returns the next data line of an event behind the first, with the line break before it.
func (r *Reader) furtherLine() ([]byte, error) {
	for {
		r.start = r.pos
		line, err := r.line(math.MaxInt)
		if err == errFull {
			return nil, r.tooLarge(inLine)
		}
		if err != nil {
			return nil, r.ending(err)
		}
		if len(line) == 0 {
			r.left = noRest
			return nil, io.EOF
		}
		name, value := cutField(line)
		switch {
		case string(name) == "data":
			from := cap(r.buf) - cap(value) - 1 // a name stands before the value, so there is room
			r.buf[from] = '\n'
			return r.buf[from : from+1+len(value)], nil
		case string(name) == "event" && eventName(value) != "":
			return nil, errLateName
		}
	}
}
