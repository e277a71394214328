package interop_test

import (
	"context"
	"slices"
	"testing"

	"onemcp/internal/mcp/mcptest"
	"onemcp/interop/clients"
	"onemcp/interop/eragate"
	"onemcp/interop/harness"
)

// revision is one yardstick of the suite, and the client that it is.
type revision struct {
	name      string
	scenarios int
	era       clients.Era
}

func legacyRevision() revision { return revision{"2025-11-25", 30, clients.Legacy} }
func modernRevision() revision { return revision{"2026-07-28", 37, clients.Modern} }

// TestDirectConformance proves the yardstick: the reference server itself
// passes everything, in each era.
func TestDirectConformance(t *testing.T) {
	t.Parallel()
	for stateless, r := range map[bool]revision{false: legacyRevision(), true: modernRevision()} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			conforms(t, harness.StartGoEverything(t, bin.GoEverything, stateless), r, nil)
		})
	}
}

// suiteBackend is the reference server as one kind of backend.
type suiteBackend struct {
	title string // in the document
	era   clients.Era
	backend
}

func suiteBackends(t *testing.T) []suiteBackend {
	t.Helper()
	stateful := harness.StartGoEverything(t, bin.GoEverything, false)
	stateless := harness.StartGoEverything(t, bin.GoEverything, true)
	stdioLegacy := gated(goEverything(), eragate.Legacy, "stdiolegacy")
	stdioLegacy.server.Isolation = "session" // questions of clients that share it could not be told apart
	return []suiteBackend{
		{"stdio, both eras", clients.Auto, goEverything()},
		{"stdio, legacy only", clients.Legacy, stdioLegacy},
		{"stdio, modern only", clients.Modern, gated(goEverything(), eragate.Modern, "stdiomodern")},
		{"HTTP with sessions, legacy only", clients.Legacy, gatedHTTP(t, eragate.Legacy, "httplegacy", stateful)},
		{"HTTP without sessions, modern only", clients.Modern, gatedHTTP(t, eragate.Modern, "httpmodern", stateless)},
	}
}

// TestGatewayConformance: behind the gateway the reference server scores as
// it does directly where client and backend speak one era, and misses no more
// than is explained where they do not; on its own endpoint and, with the
// prefix away, on the merged one. The scores stand in docs/compatibility.md.
func TestGatewayConformance(t *testing.T) {
	t.Parallel()
	node.Need(t)
	backends := suiteBackends(t)
	rows := make([]scores, len(backends))
	t.Run("cells", func(t *testing.T) {
		for i, b := range backends {
			t.Run(b.server.Name, func(t *testing.T) {
				t.Parallel()
				rows[i] = scoresOf(t, b)
			})
		}
	})
	documented(t, "suite", suiteTable(rows))
}

// scores are what the suite says of one backend behind the gateway.
type scores struct {
	suiteBackend
	cells []cell
}

// cell is one run of the suite.
type cell struct {
	passed, of int
	failed     []string
}

// scoresOf runs the suite in both eras on both endpoints, one after the other:
// log messages of a shared connection go to nobody while two clients have
// calls on it.
func scoresOf(t *testing.T, b suiteBackend) scores {
	gateway := harness.StartGateway(t, bin.OneMCP, harness.Config{Servers: []harness.Server{b.server}, Bare: true, Excuses: []mcptest.Excuse{badAnswers, oldMethods}})
	awaitTools(t, clients.Target{URL: gateway.URL}, "test_")
	row := scores{suiteBackend: b}
	for _, r := range []revision{legacyRevision(), modernRevision()} {
		for _, path := range []string{"/mcp/servers/" + b.server.Name, "/mcp"} {
			t.Run(r.name+" "+path, func(t *testing.T) {
				row.cells = append(row.cells, conforms(t, gateway.Endpoint(path), r, inexpressible(r.era, b.era)))
			})
		}
	}
	return row
}

// conforms runs the suite; the scenarios that fail must be those of failing.
func conforms(t *testing.T, endpoint string, r revision, failing []string) cell {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	score := node.Conformance(ctx, t, endpoint, r.name)
	slices.Sort(score.Failed)
	if !slices.Equal(score.Failed, failing) || len(score.Passed)+len(score.Failed) != r.scenarios {
		t.Errorf("%d passed; failed: %q, expected: %q\n%s", len(score.Passed), score.Failed, failing, score.Output)
	}
	return cell{len(score.Passed), r.scenarios, score.Failed}
}
