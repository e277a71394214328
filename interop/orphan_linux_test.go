package interop_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

// TestEndedGatewayLeavesNoChild: the gateway's end, by kill -9 too, ends its
// children, theirs, and what keeps watch over them.
func TestEndedGatewayLeavesNoChild(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*harness.Child){
		"kill -9": (*harness.Child).Kill,
		"SIGTERM": func(c *harness.Child) {
			if err := c.Stop(); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node.Need(t)
			mark, gateway := startMarked(t)
			end(gateway.Child)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := harness.AwaitNone(ctx, mark); err != nil {
				t.Error(err)
			}
		})
	}
}

// startMarked starts a gateway with children that have children, all of which
// carry the mark it returns.
func startMarked(t *testing.T) (string, *harness.Gateway) {
	t.Helper()
	name, value := "INTEROP_MARK", rand.Text()
	env := map[string]string{name: value}
	mark := name + "=" + value
	wrapper := `sleep 1000 & exec "$0" example-server`
	gateway := harness.StartGateway(t, bin.OneMCP, harness.Config{Servers: []harness.Server{
		{Name: "plain", Command: bin.OneMCP, Args: []string{"example-server"}, Env: env},
		{Name: "wrapped", Command: "sh", Args: []string{"-c", wrapper, bin.OneMCP}, Env: env},
		{Name: "npx", Command: "npx", Args: []string{"--no-install", "mcp-server-memory"}, Cwd: harness.Root(), Env: env},
	}}, mark)
	awaitTools(t, clients.Target{URL: gateway.URL}, "plain"+separator, "wrapped"+separator, "npx"+separator)
	expectAlive(t, mark, "sleep 1000", "example-server", "mcp-server-memory", "serve --config")
	return mark, gateway
}

// expectAlive shows that the test can see what it waits for the end of.
func expectAlive(t *testing.T, mark string, commands ...string) {
	t.Helper()
	running := harness.Marked(mark)
	for _, want := range commands {
		found := false
		for _, p := range running {
			found = found || strings.Contains(p.Command, want)
		}
		if !found {
			t.Fatalf("%q does not run; what does: %v", want, running)
		}
	}
}
