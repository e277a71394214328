package sse

import (
	"bytes"
	"strconv"
	"time"
)

// Event is one event of a stream.
type Event struct {
	Name  string        // empty stands for "message"
	ID    string        // where a broken stream may be taken up again; empty: the event has none
	Retry time.Duration // wait this long before connecting again; 0: the event does not say
	Data  []byte        // its lines joined by \n
}

// Append appends e to dst as it stands in a stream, and returns the result. Data is split into lines at CR,
// LF and CRLF; an event without data gets an empty data line, so that every reader sees
// its id. Name and ID must hold no line break. Retry is rounded down to milliseconds.
func Append(dst []byte, e Event) []byte {
	if e.Name != "" {
		dst = appendField(dst, "event: ", e.Name)
	}
	if e.ID != "" {
		dst = appendField(dst, "id: ", e.ID)
	}
	if e.Retry >= time.Millisecond {
		dst = appendField(dst, "retry: ", strconv.FormatInt(e.Retry.Milliseconds(), 10))
	}
	for data, more := e.Data, true; more; {
		var line []byte
		line, data, more = CutLine(data)
		dst = append(append(append(dst, "data: "...), line...), '\n')
	}
	return append(dst, '\n')
}

// AppendComment appends a comment, which readers pass over: a heartbeat. The text must hold no line break.
func AppendComment(dst []byte, text string) []byte {
	return append(append(append(dst, ": "...), text...), "\n\n"...)
}

func appendField(dst []byte, field, value string) []byte {
	return append(append(append(dst, field...), value...), '\n')
}

// CutLine splits data at its first line end; more is false if there is none.
func CutLine(data []byte) (line, rest []byte, more bool) {
	end := lineEnd(data)
	switch {
	case end < 0:
		return data, nil, false
	case bytes.HasPrefix(data[end:], []byte("\r\n")):
		return data[:end], data[end+2:], true
	}
	return data[:end], data[end+1:], true
}

// lineEnd returns where the first CR or LF stands, or -1.
func lineEnd(data []byte) int {
	end := bytes.IndexByte(data, '\n')
	if end >= 0 {
		data = data[:end]
	}
	if cr := bytes.IndexByte(data, '\r'); cr >= 0 {
		return cr
	}
	return end
}
