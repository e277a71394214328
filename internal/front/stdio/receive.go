package stdio

import (
	"bytes"
	"errors"
	"io"

	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/peer"
	"onemcp/internal/wire"
)

// errNoBatch is what arrays get where they are not served: one protocol version had them.
var errNoBatch = fault.New(fault.Invalid, "batches are served in sessions of protocol version %s only", mcp.Version20250326).WithHint("send one message a line")

// read takes lines until in ends, which is no error.
func (f *Front) read(in io.Reader) error {
	lines := peer.NewLines(in, f.o.MaxMessage)
	for {
		line, err := lines.Next()
		if long, ok := errors.AsType[*peer.TooLong](err); ok {
			f.out.Push(wire.Refuse(long.RequestID(), f.tooLarge()))
			continue
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if f.trace != nil {
				f.trace(false, line)
			}
			f.receive(lines.Keep(line))
		}
	}
}

func (f *Front) tooLarge() error {
	return fault.New(fault.TooLarge, "the message is over the limit of %d bytes", f.o.MaxMessage).WithHint("raise server.maxBodySize")
}

// receive takes one line, which is never written to again.
func (f *Front) receive(line []byte) {
	if wire.IsBatch(line) {
		f.receiveBatch(line)
		return
	}
	m, err := wire.Scan("line", line)
	if err != nil {
		f.out.Push(wire.Refuse(refusedID(line, err), err))
		return
	}
	f.take(&m, f.put)
}

// refusedID returns the id under which a line that is JSON and no message is refused: its own if it was meant to be a
// request. An answer's id would be taken for one of the client's own requests.
func refusedID(line []byte, err error) []byte {
	if fault.KindOf(err) != fault.Invalid || !mcp.Valid(line) || mcp.Member(line, "method") == nil {
		return nil
	}
	id := mcp.Member(line, "id")
	if len(id) == 0 || id[0] != '"' && id[0] != '-' && (id[0] < '0' || id[0] > '9') {
		return nil
	}
	return id
}

// take gives a message to whom it is for; answer gets the answer to a request, nil if there is to be none.
func (f *Front) take(m *mcp.Message, answer func([]byte)) {
	switch {
	case f.calls.Err() != nil: // it is over
	case m.Kind == mcp.Request:
		f.begin(m, answer)
	case m.Kind == mcp.Notification:
		f.notify(m)
	default:
		if c := f.legacy(); c != nil {
			f.o.Gateway.Answer(c, m)
		}
	}
}

// notify takes a notification. One that the gateway passes on to backends may wait for them, and others do not wait for it.
func (f *Front) notify(m *mcp.Message) {
	if m.Method == mcp.NoteCancelled {
		f.cancel(m.Value(mcp.FieldRequestID))
		return
	}
	c := f.legacy()
	if isModern(m) {
		c = f.modern(m)
	}
	if c != nil {
		f.beside(func() { f.o.Gateway.Notify(f.calls, c, m) })
	}
}

// isModern decides the era of a message by what it carries. There is one method that the other era does not have, and by
// which a client finds out whether we speak this one.
func isModern(m *mcp.Message) bool {
	return m.Has(mcp.FieldMetaVersion) || m.Method == mcp.MethodDiscover
}

// legacy returns the client of the session, nil if there is none.
func (f *Front) legacy() *gateway.Client {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.session == nil {
		return nil
	}
	return gateway.SessionClient(f.o.Scope, f.session)
}

// modern returns the client that a modern message describes.
func (f *Front) modern(m *mcp.Message) *gateway.Client {
	c := gateway.RequestClient(f.o.Scope, m)
	c.Affinity, c.Bare = f.affinity, true
	return c
}
