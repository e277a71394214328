package interop_test

import (
	"context"
	"slices"
	"testing"

	"onemcp/interop/eragate"
	"onemcp/interop/harness"
)

// revision is one yardstick of the suite.
type revision struct {
	name      string
	scenarios int
	askBack   []string // those where a server asks the client in mid-call, as legacy ones do
}

func legacyRevision() revision {
	return revision{"2025-11-25", 30, []string{
		"elicitation-sep1034-defaults", "elicitation-sep1330-enums", "tools-call-elicitation", "tools-call-sampling",
	}}
}

func modernRevision() revision { return revision{name: "2026-07-28", scenarios: 37} }

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

// TestGatewayConformance: behind the gateway, in every cell where client and
// backend speak one era, the reference server scores as it does directly, but
// for questions in mid-call, which wait for the bridge.
func TestGatewayConformance(t *testing.T) {
	t.Parallel()
	stateful := harness.StartGoEverything(t, bin.GoEverything, false)
	stateless := harness.StartGoEverything(t, bin.GoEverything, true)
	cells := []struct {
		backend   backend
		revisions []revision
	}{
		{goEverything(), []revision{legacyRevision(), modernRevision()}},
		{gated(goEverything(), eragate.Legacy, "stdiolegacy"), []revision{legacyRevision()}},
		{gated(goEverything(), eragate.Modern, "stdiomodern"), []revision{modernRevision()}},
		{gatedHTTP(t, eragate.Legacy, "httplegacy", stateful), []revision{legacyRevision()}},
		{gatedHTTP(t, eragate.Modern, "httpmodern", stateless), []revision{modernRevision()}},
	}
	var config harness.Config
	for _, c := range cells {
		config.Servers = append(config.Servers, c.backend.server)
	}
	gateway := harness.StartGateway(t, bin.OneMCP, config)
	for _, c := range cells {
		for _, r := range c.revisions {
			t.Run(c.backend.server.Name+"/"+r.name, func(t *testing.T) {
				t.Parallel()
				conforms(t, gateway.Endpoint("/mcp/servers/"+c.backend.server.Name), r, r.askBack)
			})
		}
	}
}

// conforms runs the suite; the scenarios that fail must be those of failing.
func conforms(t *testing.T, endpoint string, r revision, failing []string) {
	t.Helper()
	node.Need(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	score := node.Conformance(ctx, t, endpoint, r.name)
	slices.Sort(score.Failed)
	if !slices.Equal(score.Failed, failing) || len(score.Passed)+len(score.Failed) != r.scenarios {
		t.Errorf("%d passed; failed: %q, expected: %q\n%s", len(score.Passed), score.Failed, failing, score.Output)
	}
}
