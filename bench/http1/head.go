package http1

import (
	"bytes"
	"fmt"
	"strconv"
)

// parse reads a head, which ends with the last line's CR LF.
func parse(head []byte) (Head, error) {
	h := Head{Length: -1}
	var rest []byte
	h.Start, rest, _ = bytes.Cut(head, []byte("\r\n"))
	h.Status = status(h.Start)
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if err := h.header(line); err != nil {
			return h, err
		}
	}
	return h, nil
}

// status returns the code of a status line, or 0.
func status(line []byte) int {
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' {
		return 0
	}
	code, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0
	}
	return code
}

// header takes what is needed of one header line. The length of the name tells most others apart.
func (h *Head) header(line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return fmt.Errorf("%q is no header", line)
	}
	name, value := line[:colon], bytes.TrimSpace(line[colon+1:])
	switch {
	case is(name, "content-length"):
		n, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil {
			return fmt.Errorf("Content-Length: %w", err)
		}
		h.Length = int(n)
	case is(name, "transfer-encoding"):
		h.Chunked = is(value, "chunked")
	case is(name, "content-type"):
		h.Events = bytes.HasPrefix(value, []byte("text/event-stream"))
	case is(name, "connection"):
		h.Close = is(value, "close")
	case is(name, "mcp-session-id"):
		h.Session = value
	}
	return nil
}

// is compares without regard to the case of ASCII letters; want is in lower case.
func is(b []byte, want string) bool {
	if len(b) != len(want) {
		return false
	}
	for i := range b {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}
