package stdio

import (
	"onemcp/internal/peer"
	"onemcp/internal/trace"
)

// tracing returns what the outbox and the reader tell of each line, nil if nobody looks.
func (f *Front) tracing() peer.Trace {
	if f.o.Trace == nil {
		return nil
	}
	return func(sent bool, line []byte) {
		e := trace.Event{Side: trace.Client, Direction: trace.Received, Transport: trace.Stdio, Session: f.affinity, Message: line}
		if sent {
			e.Direction = trace.Sent
		}
		if c := f.legacy(); c != nil {
			e.Version = c.Meta.Version
		}
		f.o.Trace(e)
	}
}
