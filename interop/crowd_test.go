package interop_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

// TestListDoesNotWaitForBadBackends: of 20 backends one hangs for ever and
// one crashes. The hanging one has ten minutes to connect, so an answer
// within our patience did not wait for it.
func TestListDoesNotWaitForBadBackends(t *testing.T) {
	t.Parallel()
	const good = 18
	config := harness.Config{Servers: []harness.Server{
		{Name: "hangs", Command: "sh", Args: []string{"-c", "exec sleep 100000"}, ConnectionTimeout: 600_000},
		{Name: "crashes", Command: "sh", Args: []string{"-c", "echo no luck >&2; exit 3"}},
	}}
	var prefixes []string
	for i := range good {
		name := fmt.Sprintf("good%02d", i)
		config.Servers = append(config.Servers, harness.Server{Name: name, Command: bin.OneMCP, Args: []string{"example-server"}})
		prefixes = append(prefixes, name+separator)
	}
	gateway := harness.StartGateway(t, bin.OneMCP, config)
	target := clients.Target{URL: gateway.URL}
	t.Run("before they are up", func(t *testing.T) { listsNothingBad(t, target) })
	awaitTools(t, target, prefixes...)
	t.Run("when the rest is up", func(t *testing.T) { listsNothingBad(t, target) })
}

func listsNothingBad(t *testing.T, target clients.Target) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
		tools, err := clients.Go(t, target, era).Tools(ctx)
		if err != nil {
			t.Errorf("%s: %v", era, err)
		}
		for _, tool := range tools {
			if !strings.HasPrefix(tool, "good") {
				t.Errorf("%s: %s is listed", era, tool)
			}
		}
	}
}
