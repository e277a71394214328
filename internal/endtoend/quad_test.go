package endtoend_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/upstream/upstreamtest"
)

// way is one way through the gateway: a client of an era, at one of the two endpoints, and a backend of a kind.
type way struct {
	caller mcp.Era
	cell
	merged bool
}

// shared is a legacy backend over streamable HTTP whose one connection all clients share, which is not the default.
var shared = cell{"legacy-http-shared", mcp.Legacy}

// ways are all combinations with one of the cells.
func ways(all ...cell) (out []way) {
	for _, c := range all {
		for _, client := range bothEras {
			out = append(out, way{client, c, false}, way{client, c, true})
		}
	}
	return out
}

// every are the ways with all kinds of backends.
func every() []way { return ways(append([]cell{shared}, cells...)...) }

func (w way) String() string {
	at := "its own endpoint"
	if w.merged {
		at = "the merged endpoint"
	}
	return fmt.Sprintf("%s client, %s, %s", w.caller, w.name, at)
}

func (w way) path() string {
	if w.merged {
		return "/mcp"
	}
	return "/mcp/servers/b"
}

// overLines reports whether the backend is a process.
func (w way) overLines() bool { return strings.HasSuffix(w.name, "stdio") }

// world is a gateway with one backend, b, of a way's kind.
type world struct {
	*rig
	way
	spares []gateway.Spec // other backends of the same name
	cut    func()         // ends the backend's connections, or the backend, and waits until it is back
}

// along runs a test once for each way. All that the gateway sends must be right but for the excuses.
func along(t *testing.T, all []way, script upstreamtest.Script, test func(t *testing.T, w *world), excuses ...mcptest.Excuse) {
	t.Helper()
	for _, w := range all {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			spec, cut := w.backend(t, "b", script, excuses...)
			spares := make([]gateway.Spec, 2) // made before the gateway, so that they end after it
			for i := range spares {
				spares[i], _ = w.backend(t, "b", script, excuses...)
			}
			world := &world{way: w, rig: start(t, setup(spec), excuses...), spares: spares}
			world.ready()
			world.cut = func() {
				cut(world)
				world.comeBack()
			}
			test(t, world)
		})
	}
}

// backend describes a backend of the way's kind; cut has it lose its connections.
func (w way) backend(t *testing.T, name string, script upstreamtest.Script, excuses ...mcptest.Excuse) (b gateway.Spec, cut func(*world)) {
	t.Helper()
	script.Eras, script.Hush = []mcp.Era{w.era}, true
	switch {
	case w.overLines():
		return overStdio(t, name, script, excuses...), (*world).crash
	case w.name == "legacy-sse":
		server := newOldWeb(script)
		return server.serve(t, name, excuses...), func(*world) { server.cut() }
	}
	server := newWeb(script)
	b = server.serve(t, name, excuses...)
	if w.cell == shared {
		b.Isolation = gateway.Shared
	}
	return b, func(*world) { server.cut() }
}

// comeBack waits until the backend is lost and there again. A modern one over HTTP is always there.
func (w *world) comeBack() {
	w.t.Helper()
	if w.name == "modern-http" {
		return
	}
	w.await("the loss of the backend", func(all []gateway.Status) bool { return all[0].State != gateway.Ready })
	w.ready()
}

// crash ends the process.
func (w *world) crash() {
	c := w.rig.connect(mcp.Legacy, "/mcp/servers/b")
	c.ask(c.tool("1", "crash", `{}`, ""))
}

// connect returns a client of the way.
func (w *world) connect() *client {
	w.t.Helper()
	return w.rig.connect(w.caller, w.path())
}

// own writes a client's name for a tool or prompt of the backend.
func (w way) own(name string) string {
	if w.merged {
		return "b_1mcp_" + name
	}
	return name
}

// news has the backend tell all who asked for it.
func (w *world) news(method, params string) {
	w.t.Helper()
	w.rig.connect(mcp.Legacy, "/mcp/servers/b").call("news", fmt.Sprintf(`{"method":%q,"params":%s}`, method, params))
}

// heard returns the n-th message that holds a text and that the backend has received, on whatever connection. It waits for it.
func (w *world) heard(text string, n int) string {
	w.t.Helper()
	said, _ := mcp.Unquote([]byte(w.rig.connect(mcp.Legacy, "/mcp/servers/b").call("heard", fmt.Sprintf(`{"text":%q,"n":%d}`, text, n))))
	return said
}

// followed waits until that many of the backend's subscriptions name a resource, or ask for the changes of a list.
func (w *world) followed(what string, n int) {
	w.t.Helper()
	w.rig.connect(mcp.Legacy, "/mcp/servers/b").call("followed", fmt.Sprintf(`{"text":%q,"n":%d}`, what, n))
}

// times returns how many messages that hold a text the backend has received so far.
func (w *world) times(text string) int {
	w.t.Helper()
	n, err := strconv.Atoi(w.rig.connect(mcp.Legacy, "/mcp/servers/b").call("times", fmt.Sprintf(`{"text":%q}`, text)))
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}
