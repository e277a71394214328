package sse

import (
	"bytes"
	"io"
	"math"
	"strconv"
	"time"
)

const (
	firstBuffer   = 1 << 10
	overhead      = 1 << 10 // of an event in the stream: names of fields, comments within
	byteOrderMark = "\ufeff"
)

// Reader reads the events of one stream.
//
// The stream is kept in one buffer, in which the data of an event is joined in place: an event of one
// data line, the common case, is never copied after the read.
type Reader struct {
	src io.Reader
	max int
	err error // what src said last

	buf     []byte // read from src
	start   int    // of the current event; what lies before is done with
	pos     int    // of the current line
	started bool   // the byte order mark, if any, is behind us
	afterCR bool   // the last line ended with CR: a LF here belongs to that end

	event    Event
	begun    bool // a part of the current event was returned, and reading goes on within it
	hasField bool // the current event has a field
	hasData  bool
	from, to int // of the data in buf

	left rest   // of an event over the limit
	tail []byte // of that event
}

// NewReader returns a reader of src that refuses events with more than max bytes of data, and
// those that take 1 KiB more than max as they stand in the stream.
func NewReader(src io.Reader, max int) *Reader {
	return &Reader{src: src, max: max}
}

// Next returns the next event that has any field. Its Data is valid until the next call. At the
// end it returns io.EOF, or io.ErrUnexpectedEOF if the stream ends within
// an event, or the source's error. In place of an event over the limit it returns
// a [*TooLargeError]; the next call goes on behind it, as after [Reader.Skip].
func (r *Reader) Next() (Event, error) {
	e, _, err := r.Begin(math.MaxInt)
	return e, err
}

// Begin is Next for those who may take a large event in pieces. If the first data line is not whole when enough bytes of it
// are there, it returns these as Data with what stands before them, and whole is false. Then [Reader.Next] returns the whole
// event, or [Reader.Piece] what comes of it.
func (r *Reader) Begin(enough int) (e Event, whole bool, err error) {
	if _, err := r.Skip(); err != nil {
		return Event{}, false, r.ending(err)
	}
	if !r.begun {
		r.begin()
	}
	r.begun = false
	for {
		line, err := r.line(enough)
		long := r.pos-r.start > r.max+overhead
		switch {
		case err == errEnough:
			r.begun = true
			return r.beginning(), false, nil
		case err == errFull:
			return Event{}, false, r.tooLarge(inLine)
		case err != nil:
			return Event{}, false, r.ending(err)
		case len(line) > 0:
			r.field(line)
			if long {
				return Event{}, false, r.tooLarge(fromLine)
			}
		case r.hasField && (long || r.to-r.from > r.max):
			return Event{}, false, r.tooLarge(noRest)
		case r.hasField:
			return r.finish(), true, nil
		}
		if !r.hasField {
			r.start = r.pos // comments between events take no room
		}
	}
}

// Ended reports whether the source is known to have ended, so that nothing of it is left unread
// beyond the last event.
func (r *Reader) Ended() bool { return r.err == io.EOF }

func (r *Reader) begin() {
	r.start = r.pos
	r.event, r.hasField, r.hasData = Event{}, false, false
	r.from, r.to = r.pos, r.pos
}

func (r *Reader) finish() Event {
	if r.hasData {
		r.event.Data = r.buf[r.from:r.to:r.to]
	}
	return r.event
}

// ending tells an end between events from one within.
func (r *Reader) ending(err error) error {
	if err == io.EOF && (r.hasField || r.pos < len(r.buf)) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// line returns the next line without its end, valid until the next call. Of the first data line of an event it does
// not wait for the end, which is errEnough, when so many bytes are there.
func (r *Reader) line(enough int) ([]byte, error) {
	for searched := 0; ; {
		if r.skip() {
			searched = 0
		}
		rest := r.buf[r.pos:]
		if end := lineEnd(rest[searched:]); end >= 0 {
			r.endLine(searched + end)
			return rest[:searched+end], nil
		}
		if searched = len(rest); searched >= enough && !r.hasData && isData(rest) {
			return nil, errEnough
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// endLine goes behind the line end that stands so far behind pos.
func (r *Reader) endLine(at int) {
	r.afterCR = r.buf[r.pos+at] == '\r'
	r.pos += at + 1
}

// skip passes over the LF of a CRLF, and over the byte order mark at the start, and reports whether
// there was one.
func (r *Reader) skip() bool {
	at := r.pos
	if r.afterCR && r.pos < len(r.buf) {
		r.afterCR = false
		if r.buf[r.pos] == '\n' {
			r.pos++
		}
	}
	if !r.started && !bytes.HasPrefix([]byte(byteOrderMark), r.buf) {
		r.started = true
		if bytes.HasPrefix(r.buf, []byte(byteOrderMark)) {
			r.pos += len(byteOrderMark)
		}
	}
	return r.pos > at
}

// fill reads more of the source behind what the buffer holds.
func (r *Reader) fill() error {
	if r.err != nil {
		return r.err
	}
	if len(r.buf)-r.start > r.max+overhead {
		return errFull
	}
	r.room()
	n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
	r.buf = r.buf[:len(r.buf)+n]
	r.err = err
	if n > 0 {
		return nil
	}
	return err
}

// room makes the buffer's free part at least a quarter of it. What the last event left is
// moved away first.
func (r *Reader) room() {
	if r.start > 0 {
		n := copy(r.buf, r.buf[r.start:])
		r.buf = r.buf[:n]
		r.pos, r.from, r.to, r.start = r.pos-r.start, r.from-r.start, r.to-r.start, 0
	}
	if free := cap(r.buf) - len(r.buf); free > cap(r.buf)/4 {
		return
	}
	grown := make([]byte, len(r.buf), max(firstBuffer, 2*cap(r.buf)))
	copy(grown, r.buf)
	r.buf = grown
}

// field takes in one line of an event.
func (r *Reader) field(line []byte) {
	name, value := cutField(line)
	switch string(name) {
	case "data":
		r.data(value)
	case "event":
		r.event.Name = eventName(value)
	case "id":
		if bytes.IndexByte(value, 0) >= 0 {
			return
		}
		r.event.ID = string(value)
	case "retry":
		ms, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil {
			return
		}
		r.event.Retry = time.Duration(ms) * time.Millisecond
	default: // a comment has the empty name
		return
	}
	r.hasField = true
}

// cutField splits a line at its first colon, and the blank behind that. A line without
// colon is a name with an empty value.
func cutField(line []byte) (name, value []byte) {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return line, line[len(line):]
	}
	return line[:colon], bytes.TrimPrefix(line[colon+1:], []byte(" "))
}

// data joins a line to the event's data, in place: the line lies behind that, at least by the field's
// name, so there is room for the line break.
func (r *Reader) data(value []byte) {
	if !r.hasData {
		r.hasData = true
		r.from = cap(r.buf) - cap(value)
		r.to = r.from + len(value)
		return
	}
	r.buf[r.to] = '\n'
	r.to++
	r.to += copy(r.buf[r.to:], value)
}

func eventName(value []byte) string {
	if string(value) == "message" {
		return "" // the same, and no allocation
	}
	return string(value)
}
