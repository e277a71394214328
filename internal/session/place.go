package session

import (
	"strconv"
	"strings"
)

// Place is a point in one stream of a session: behind its message number N. Stream 0 is the session's own.
type Place struct{ Stream, N uint64 }

// String returns the event id of a place, which [ParsePlace] reads.
func (p Place) String() string {
	text := strconv.AppendUint(make([]byte, 0, 24), p.Stream, 10)
	return string(strconv.AppendUint(append(text, '-'), p.N, 10))
}

// ParsePlace reads an event id. ok is false if it is none of ours.
func ParsePlace(id string) (p Place, ok bool) {
	stream, n, _ := strings.Cut(id, "-")
	var err1, err2 error
	p.Stream, err1 = strconv.ParseUint(stream, 10, 64)
	p.N, err2 = strconv.ParseUint(n, 10, 64)
	return p, err1 == nil && err2 == nil
}

// Event is a message in its place.
type Event struct {
	At  Place // behind the message
	Msg []byte
}
