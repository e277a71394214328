package interop_test

import (
	"context"
	"testing"

	"onemcp/internal/mcp/mcptest"
	"onemcp/interop/clients"
	"onemcp/interop/eragate"
	"onemcp/interop/harness"
)

// started is a target for clients that start a program.
func started(s harness.Spec) clients.Target {
	return clients.Target{Command: s.Path, Args: s.Args, Env: s.Env, Dir: s.Dir}
}

// mixed is a configuration with backends of one era each, over stdio and HTTP. Each client has its own connection to those over
// stdio that ask, so that clients at the same time do not hide from each other whose question it is. The server of the old
// transport is left out: a moment after its start it asks whoever calls it for roots, and a modern client
// gets no progress between the question and its answer.
func mixed(t *testing.T) (config harness.Config, backends []backend) {
	t.Helper()
	all := oneEra(t)
	config.Excuses = []mcptest.Excuse{nullArguments}
	for _, era := range []eragate.Gate{eragate.Legacy, eragate.Modern} {
		for _, b := range all[era] {
			if b.server.Name == "everythingsse" {
				continue
			}
			if b.server.Command != "" {
				b.server.Isolation = "session"
			}
			config.Servers = append(config.Servers, b.server)
			backends = append(backends, b)
		}
	}
	return config, backends
}

// TestServeStdio: the official clients start the gateway as their server, in both eras, with backends of both eras
// behind it.
func TestServeStdio(t *testing.T) {
	t.Parallel()
	node.Need(t)
	config, backends := mixed(t)
	eachClient(t, func(t *testing.T, open func(clients.Target) clients.Client) {
		c := open(started(config.Command(t, bin.OneMCP, "serve", "--stdio")))
		usesAll(t, c, backends)
	})
	t.Run("one server", func(t *testing.T) {
		t.Parallel()
		for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
			for _, b := range backends {
				c := clients.Go(t, started(config.Command(t, bin.OneMCP, "serve", "--stdio", "--server", b.server.Name)), era)
				check(t, c, b, "")
			}
		}
	})
}

// usesAll shows that a client reaches every backend, and that questions in mid-call, of both eras, reach its user.
func usesAll(t *testing.T, c clients.Client, backends []backend) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, b := range backends {
		// A call waits for its backend, so that the lists are whole.
		if _, err := c.Call(ctx, b.server.Name+separator+b.tool.name, b.tool.args, 0); err != nil {
			t.Fatalf("%s: %v", b.server.Name, err)
		}
	}
	_, isGo := c.(*clients.GoClient)
	for _, b := range backends {
		if !isGo {
			// The TypeScript SDKs forget who wants progress before they hand it out, if it comes in one piece with the answer.
			b.counter = call{}
		}
		check(t, c, b, b.server.Name+separator)
	}
	asks(t, c, "examplelegacy"+separator+"ask")
	asks(t, c, "examplemodern"+separator+"ask")
}
