package trace

import (
	"bytes"
	"io"
	"log/slog"
	"strconv"
	"time"
)

// writeSize is up to about what size lines are written together.
const writeSize = 256 << 10

// writer writes lines. Those that cannot be written are counted, and the count stands in the file where the gap
// is. It is used by one goroutine.
type writer struct {
	w    io.WriteCloser
	log  *slog.Logger
	torn bool // the file ends within a line

	buf   []byte
	lines uint64 // in buf, of messages
	told  uint64 // missing lines that a note in buf tells of

	missing uint64 // lines of messages, in no note yet
	failed  uint64 // writes in a row
}

// line adds the line of an entry.
func (o *writer) line(e entry, full bool) {
	o.tell()
	o.buf = appendLine(o.buf, e, full)
	o.lines++
	if len(o.buf) >= writeSize {
		o.flush()
	}
}

// tell adds a note about what is missing, if anything is.
func (o *writer) tell() {
	if o.missing == 0 {
		return
	}
	o.note("dropped", "count", strconv.AppendUint(nil, o.missing, 10))
	o.told += o.missing
	o.missing = 0
}

// note adds a line of the trace's own, with one member more.
func (o *writer) note(what, name string, raw []byte) {
	o.buf = appendText(appendTime(o.buf, time.Now()), "note", what)
	o.buf = append(appendRaw(o.buf, name, raw), "}\n"...)
}

// drop counts lines that never came here. The note about them is written at once, unless the file is in trouble.
func (o *writer) drop(lines uint64) {
	if lines > 0 {
		o.log.Warn("the trace of MCP messages has a gap: the file is too slow", "messages", lines)
	}
	if o.missing += lines; o.failed == 0 {
		o.tell()
		o.flush()
	}
}

// flush writes what is in the buffer.
func (o *writer) flush() {
	if len(o.buf) == 0 {
		return
	}
	n, err := o.write()
	if err != nil {
		o.lose(o.buf[:n])
		o.complain(err)
	} else {
		o.failed = 0
	}
	if o.buf, o.lines, o.told = o.buf[:0], 0, 0; cap(o.buf) > 4*writeSize {
		o.buf = nil
	}
}

// write writes the buffer, on a line of its own.
func (o *writer) write() (int, error) {
	if o.torn {
		if _, err := o.w.Write([]byte{'\n'}); err != nil {
			return 0, err
		}
		o.torn = false
	}
	n, err := o.w.Write(o.buf)
	o.torn = n > 0 && o.buf[n-1] != '\n'
	return n, err
}

// lose counts the lines that are not whole in what was written.
func (o *writer) lose(written []byte) {
	whole := uint64(bytes.Count(written, []byte{'\n'}))
	if o.told > 0 && whole > 0 { // the note comes first
		o.told = 0
		whole--
	}
	o.missing += o.told + o.lines - min(whole, o.lines)
}

// complain logs the first failure, the tenth, the hundredth.
func (o *writer) complain(err error) {
	o.failed++
	for n := o.failed; n%10 == 0 || n == 1; n /= 10 {
		if n == 1 {
			o.log.Warn("the trace of MCP messages cannot be written", "error", err, "attempts", o.failed, "missing", o.missing)
			return
		}
	}
}
