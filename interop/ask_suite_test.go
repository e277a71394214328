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
		for _, r := range crossed()[era] {
			table += fmt.Sprintf("| %s | `%s` | passes | passes |\n", crossing(r.client), r.scenario)
		}
		for _, server := range askers(t, era) {
			t.Run(server.Name, func(t *testing.T) {
				t.Parallel()
				asksAsTheSuiteWants(t, server, crossed()[era])
			})
		}
	}
	t.Cleanup(func() { documented(t, "askers", table) })
}

// asksAsTheSuiteWants plays scenarios on both endpoints.
func asksAsTheSuiteWants(t *testing.T, server harness.Server, scenarios []reason) {
	gateway := harness.StartGateway(t, bin.OneMCP, harness.Config{Servers: []harness.Server{server}, Bare: true})
	awaitTools(t, clients.Target{URL: gateway.URL}, "test_")
	for _, r := range scenarios {
		revision := modernRevision().name
		if r.client == clients.Legacy {
			revision = legacyRevision().name
		}
		for _, path := range []string{"/mcp/servers/" + server.Name, "/mcp"} {
			t.Run(r.scenario+path, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				node.ConformsIn(ctx, t, r.scenario, gateway.Endpoint(path), revision)
			})
		}
	}
}
