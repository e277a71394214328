package interop_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

// TestKilledGatewayLeavesNoChild: kill -9 of the gateway ends its children,
// theirs, and what keeps watch over them.
func TestKilledGatewayLeavesNoChild(t *testing.T) {
	t.Parallel()
	node.Need(t)
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
	gateway.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := harness.AwaitNone(ctx, mark); err != nil {
		t.Error(err)
	}
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
