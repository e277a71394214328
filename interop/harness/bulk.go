package harness

import (
	"path/filepath"
	"strings"
	"testing"
)

// StartBulk starts package bulk and returns it with its address,
// host:port.
func (b Binaries) StartBulk(t testing.TB) (server *Child, addr string) {
	t.Helper()
	server = Start(t, Spec{Path: b.Bulk})
	return server, server.loopback()
}

// StartBulk does the same with the TypeScript SDKs.
func (n *Node) StartBulk(t testing.TB) (server *Child, addr string) {
	t.Helper()
	server = Start(t, Spec{Path: n.Path, Args: []string{filepath.Join(Root(), "node", "bulk.mjs")}})
	return server, server.loopback()
}

// loopback awaits the address of a server that says where on 127.0.0.1 it
// listens.
func (c *Child) loopback() string {
	c.t.Helper()
	return c.Await("its address", func(line string) (string, bool) {
		return strings.CutPrefix(line, "loopback: listening on ")
	})
}
