package server

import (
	"errors"
	"io"
	"net"
	"testing"
)

func TestAConnectionThatNobodyTakesIsClosed(t *testing.T) {
	t.Parallel()
	h := newHandover()
	_, _ = h.Close(), h.Close()
	ours, theirs := net.Pipe()
	h.put(theirs)
	if n, err := ours.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		t.Errorf("got %d bytes, %v", n, err)
	}
	if c, err := h.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestWhatWasReadComesAgainFirst(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	go func() {
		_, _ = io.WriteString(ours, "def")
		_ = ours.Close()
	}()
	c := &replayed{outlet: outlet{Conn: theirs}, read: []byte("abc")}
	first := make([]byte, 2)
	if n, err := c.Read(first); n != 2 || err != nil || string(first) != "ab" {
		t.Errorf("got %q, %v", first[:n], err)
	}
	if rest, err := io.ReadAll(c); string(rest) != "cdef" || err != nil {
		t.Errorf("got %q, %v", rest, err)
	}
	if original(c) != theirs || original(theirs) != theirs {
		t.Error("it is not told from what it wraps")
	}
}
