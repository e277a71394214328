package interop_test

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"onemcp/interop/clients"
)

// TestClientsAfterARestart: the gateway is killed and started anew at its address. A modern client goes on as if nothing
// had been; a legacy one is told that its session is gone, and goes on with a new one.
func TestClientsAfterARestart(t *testing.T) {
	t.Parallel()
	for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
		for _, o := range openers(era) {
			t.Run(o.name+"/"+string(era), func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				g, at := startListening(t, map[string]any{"port": 0})
				to := clients.Target{URL: at}
				c := o.open(t, to)
				greets(ctx, t, c)
				for range 2 {
					g.Kill()
					g, _ = startListening(t, map[string]any{"port": portOf(t, at)})
					if era == clients.Legacy {
						if _, err := echo(ctx, c); err == nil || !strings.Contains(err.Error(), "session") {
							t.Fatalf("with the old session: %v", err)
						}
						c = o.open(t, to)
					}
					greets(ctx, t, c)
				}
			})
		}
	}
}

func portOf(t *testing.T, at string) int {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
