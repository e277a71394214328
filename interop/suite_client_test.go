package interop_test

import (
	"context"
	"testing"

	"onemcp/interop/clients"
)

// clientScenarios are those of the suite's scenarios for clients that concern
// a gateway, by the revision that the suite's server speaks.
func clientScenarios() map[string][]string {
	return map[string][]string{
		"2025-11-25": {
			"initialize", "tools_call", "sse-retry", "elicitation-sep1034-client-defaults", "json-schema-2020-12-preservation",
		},
		"2026-07-28": {
			"tools_call", "request-metadata", "http-standard-headers", "http-custom-headers", "http-invalid-tool-headers",
			"sep-2322-client-request-state", "json-schema-2020-12-preservation", "json-schema-ref-no-deref",
		},
	}
}

// TestGatewayIsAConformingClient: towards the suite's servers the gateway opens,
// labels, repeats and reconnects as a client has to, whatever the era of the
// client that drives it, on both endpoints.
func TestGatewayIsAConformingClient(t *testing.T) {
	t.Parallel()
	node.Need(t)
	for revision, scenarios := range clientScenarios() {
		for _, scenario := range scenarios {
			t.Run(revision+"/"+scenario, func(t *testing.T) {
				t.Parallel()
				for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
					t.Run(string(era)+"/own", func(t *testing.T) { drives(t, scenario, revision, era, "/mcp/servers/suite") })
					t.Run(string(era)+"/merged", func(t *testing.T) { drives(t, scenario, revision, era, "/mcp") })
				}
			})
		}
	}
}

func drives(t *testing.T, scenario, revision string, era clients.Era, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	node.ClientConformsIn(ctx, t, scenario, revision, bin.SuiteClient, bin.OneMCP, string(era), path)
}
