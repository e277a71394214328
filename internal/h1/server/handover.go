package server

import (
	"net"
	"sync"
)

// handover is the listener from which net/http takes the connections that are handed to it.
type handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newHandover() *handover {
	return &handover{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// put hands a connection on, or closes it when nobody takes any.
func (h *handover) put(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener. The connections have come from listeners of all kinds.
func (h *handover) Addr() net.Addr { return &net.UnixAddr{Name: "@", Net: "unix"} }

// replayed is a connection of which something was read already.
type replayed struct {
	outlet
	read []byte // comes again first
}

// Read implements io.Reader.
func (c *replayed) Read(p []byte) (int, error) {
	if len(c.read) > 0 {
		n := copy(p, c.read)
		c.read = c.read[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// CloseWrite lets net/http close a connection so that the client reads the last answer.
func (c *replayed) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// original returns the connection as it was accepted.
func original(c net.Conn) net.Conn {
	if r, ok := c.(*replayed); ok {
		return r.Conn
	}
	return c
}
