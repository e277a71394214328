package interop_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"onemcp/interop/asker"
	"onemcp/interop/clients"
	"onemcp/interop/eragate"
	"onemcp/interop/harness"
)

// askers are the asking server in one era, over stdio and over HTTP.
func askers(t *testing.T, era eragate.Gate) []harness.Server {
	t.Helper()
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return asker.New(era) },
		&mcp.StreamableHTTPOptions{Stateless: era == eragate.Modern})
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return []harness.Server{
		{Name: "asker" + string(era), Command: bin.Asker, Args: []string{string(era)}},
		{Name: "askerhttp" + string(era), URL: server.URL},
	}
}

// crossed are the scenarios that the reference server cannot play in one era,
// by the era of the asking server that can.
func crossed() map[eragate.Gate][]reason {
	all := map[eragate.Gate][]reason{}
	for _, r := range reasons() {
		switch {
		case r.client == clients.Legacy:
			all[eragate.Modern] = append(all[eragate.Modern], r)
		case strings.HasSuffix(r.scenario, "-multi-round"):
			all[eragate.Legacy] = append(all[eragate.Legacy], r)
		}
	}
	return all
}

// TestGatewayConformanceOfAskers: what the reference server cannot ask in one
// era, a server that can asks through the gateway, between the eras.
func TestGatewayConformanceOfAskers(t *testing.T) {
	t.Parallel()
	node.Need(t)
	table := "| client, backend | scenario | stdio | HTTP |\n|---|---|---|---|\n"
	for _, era := range []eragate.Gate{eragate.Modern, eragate.Legacy} {
		servers := askers(t, era)
		verdicts := make([]map[string]string, len(servers))
		t.Run(string(era), func(t *testing.T) {
			for i, server := range servers {
				t.Run(server.Name, func(t *testing.T) {
					t.Parallel()
					verdicts[i] = asksAsTheSuiteWants(t, server, crossed()[era])
				})
			}
		})
		for _, r := range crossed()[era] {
			table += fmt.Sprintf("| %s | `%s` | %s | %s |\n", crossing(r.client), r.scenario, verdicts[0][r.scenario], verdicts[1][r.scenario])
		}
	}
	documented(t, "askers", table)
}

// asksAsTheSuiteWants plays scenarios on both endpoints, and returns a verdict
// for each.
func asksAsTheSuiteWants(t *testing.T, server harness.Server, scenarios []reason) map[string]string {
	verdicts := map[string]string{}
	gateway := harness.StartGateway(t, bin.OneMCP, harness.Config{Servers: []harness.Server{server}, Bare: true})
	awaitTools(t, clients.Target{URL: gateway.URL}, "test_")
	for _, r := range scenarios {
		revision := modernRevision().name
		if r.client == clients.Legacy {
			revision = legacyRevision().name
		}
		verdicts[r.scenario] = "passes"
		for _, path := range []string{"/mcp/servers/" + server.Name, "/mcp"} {
			passed := t.Run(r.scenario+path, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				node.ConformsIn(ctx, t, r.scenario, gateway.Endpoint(path), revision)
			})
			if !passed {
				verdicts[r.scenario] = "fails"
			}
		}
	}
	return verdicts
}
