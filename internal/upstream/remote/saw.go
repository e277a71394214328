package remote

import (
	"sync/atomic"

	"onemcp/internal/trace"
)

// saw tells the trace of a message of a connection.
type saw func(d trace.Direction, text []byte)

// saw returns what tells the trace of a connection's messages, nil if there is none. session returns what tells the
// connection from others.
func (e *endpoint) saw(transport string, labels *atomic.Pointer[labels], session func() string) saw {
	if e.trace == nil {
		return nil
	}
	return func(d trace.Direction, text []byte) {
		e.trace(trace.Event{
			Side: trace.Backend, Direction: d, Transport: transport, Backend: e.name,
			Session: session(), Version: labels.Load().version, Message: text,
		})
	}
}
