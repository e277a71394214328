package harness

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// StartGoEverything starts the Go SDK's everything-server over HTTP and
// returns its endpoint. It takes a port by number only and does not say which
// one it got, so we look for a free one and wait until it answers there.
func StartGoEverything(t testing.TB, binary string, stateless bool) string {
	t.Helper()
	const tries = 5
	for range tries {
		addr := freeAddress(t)
		child := Start(t, Spec{Path: binary, Args: []string{"-http", addr, fmt.Sprintf("-stateless=%t", stateless)}})
		if child.accepts(addr) {
			return "http://" + addr + "/mcp"
		}
	}
	t.Fatalf("the everything-server found its port taken %d times", tries)
	return ""
}

// freeAddress is one that was free a moment ago.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// accepts waits until the everything-server can be connected to, or ended.
func (c *Child) accepts(addr string) bool {
	_, ok := c.find(func(line string) (string, bool) { return line, strings.Contains(line, "listening at") })
	for ok { // it says so just before it does
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return conn.Close() == nil
		}
		select {
		case <-c.done:
			return false
		case <-c.t.Context().Done():
			return false
		default: // refused: it is not there yet
		}
	}
	return false
}
