package peer

import (
	"bytes"
	"io"
)

const (
	bufferSize = 64 << 10
	headSize   = 256 // of a line that is too long, kept to tell whose it is
	tailSize   = 128
	hintLimit  = 4 << 20 // a buffer is not made larger than this because of an earlier line
)

// TooLong is a line over the limit, of which only the ends are left.
type TooLong struct{ Head, Tail []byte }

// Error implements error.
func (*TooLong) Error() string { return "line too long" }

// Lines cuts a stream into lines. It is for one goroutine. Make it with [NewLines].
//
// The unread bytes are buf[start:end]; there is no line break before seen.
type Lines struct {
	r                io.Reader
	max              int
	buf              []byte
	start, end, seen int
	hint             int // the size of buffer that the last large line wanted
}

// NewLines returns the lines of r, of which none may have more than max bytes.
func NewLines(r io.Reader, max int) *Lines { return &Lines{r: r, max: max} }

// Next returns the next line without its line break, valid until the next call. A last line without a
// line break counts. A line over the limit is a [*TooLong], after which reading goes on.
func (l *Lines) Next() ([]byte, error) {
	for {
		if line, ok := l.cut(); ok {
			if len(line) > l.max {
				return nil, &TooLong{clone(line, headSize), cloneTail(line)}
			}
			return line, nil
		}
		if l.end-l.start > l.max {
			return nil, l.skip()
		}
		if err := l.fill(); err != nil {
			if l.start == l.end {
				return nil, err
			}
			line := l.buf[l.start:l.end]
			l.start, l.seen = l.end, l.end
			return line, nil
		}
	}
}

// cut takes a line out of the buffer if a whole one is there.
func (l *Lines) cut() ([]byte, bool) {
	i := bytes.IndexByte(l.buf[l.seen:l.end], '\n')
	if i < 0 {
		l.seen = l.end
		return nil, false
	}
	line := l.buf[l.start : l.seen+i]
	l.start = l.seen + i + 1
	l.seen = l.start
	return line, true
}

// fill reads once, after having made room.
func (l *Lines) fill() error {
	l.makeRoom()
	for range 100 {
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// makeRoom moves the unread bytes to the front, into a larger buffer if they fill more than half of this one.
func (l *Lines) makeRoom() {
	unread := l.end - l.start
	switch {
	case unread == 0 && len(l.buf) > 0 && len(l.buf) <= keepLimit:
	case unread == 0:
		l.buf = make([]byte, bufferSize)
	case l.end < len(l.buf):
		return
	case unread > len(l.buf)/2:
		larger := make([]byte, max(2*len(l.buf), l.hint))
		copy(larger, l.buf[l.start:l.end])
		l.buf = larger
	default:
		copy(l.buf, l.buf[l.start:l.end])
	}
	l.start, l.end, l.seen = 0, unread, l.seen-l.start
}

// skip drops the line that is too long up to its end.
func (l *Lines) skip() error {
	long := &TooLong{Head: clone(l.buf[l.start:l.end], headSize)}
	for {
		line, ended := l.cut()
		if !ended {
			line = l.buf[l.start:l.end]
		}
		long.Tail = cloneTail(append(long.Tail, clone(line[max(0, len(line)-tailSize):], tailSize)...))
		if ended {
			return long
		}
		l.start, l.seen = l.end, l.end
		if err := l.fill(); err != nil {
			return long // the error comes again
		}
	}
}

// Keep returns the bytes of a part of the last line as memory of its own, with whatever room there is behind them. Where they fill
// much of the buffer, the buffer is given away and another one is begun.
func (l *Lines) Keep(part []byte) []byte {
	if len(part) < bufferSize/2 || len(part) < len(l.buf)/4 {
		return append([]byte(nil), part...)
	}
	l.hint = min(len(part)+len(part)/8, hintLimit)
	rest := l.buf[l.start:l.end]
	l.buf = make([]byte, max(bufferSize, 2*len(rest)))
	l.end = copy(l.buf, rest)
	l.start, l.seen = 0, 0
	return part[:len(part):len(part)] // what stands behind may be read still
}

func clone(b []byte, n int) []byte { return bytes.Clone(b[:min(n, len(b))]) }

func cloneTail(b []byte) []byte { return bytes.Clone(b[max(0, len(b)-tailSize):]) }
