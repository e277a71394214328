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
}

func legacyRevision() revision { return revision{"2025-11-25", 30} }
func modernRevision() revision { return revision{"2026-07-28", 37} }

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

// TestGatewayConformance: behind the gateway the reference server scores as
// it does directly where client and backend speak one era, and misses no more
// than is named where they do not.
func TestGatewayConformance(t *testing.T) {
	t.Parallel()
	stateful := harness.StartGoEverything(t, bin.GoEverything, false)
	stateless := harness.StartGoEverything(t, bin.GoEverything, true)
	stdioLegacy := gated(goEverything(), eragate.Legacy, "stdiolegacy")
	stdioLegacy.server.Isolation = "session" // questions of clients that share it could not be told apart
	cells := []struct {
		backend        backend
		legacy, modern []string // scenarios that fail, by the client's era
	}{
		{goEverything(), nil, nil},
		{stdioLegacy, nil, oldRounds()},
		{gated(goEverything(), eragate.Modern, "stdiomodern"), oldQuestions(), nil},
		{gatedHTTP(t, eragate.Legacy, "httplegacy", stateful), nil, append(oldRounds(), plainRefusal)},
		{gatedHTTP(t, eragate.Modern, "httpmodern", stateless), oldQuestions(), nil},
	}
	var config harness.Config
	for _, c := range cells {
		config.Servers = append(config.Servers, c.backend.server)
	}
	gateway := harness.StartGateway(t, bin.OneMCP, config)
	for _, c := range cells {
		endpoint := gateway.Endpoint("/mcp/servers/" + c.backend.server.Name)
		t.Run("legacy/"+c.backend.server.Name, func(t *testing.T) {
			t.Parallel()
			conforms(t, endpoint, legacyRevision(), c.legacy)
		})
		t.Run("modern/"+c.backend.server.Name, func(t *testing.T) {
			t.Parallel()
			conforms(t, endpoint, modernRevision(), c.modern)
		})
	}
}

// oldQuestions call tools that send a request of the server's own, which the
// reference server cannot do in the modern era.
func oldQuestions() []string {
	return []string{
		"elicitation-sep1034-defaults", "elicitation-sep1330-enums", "tools-call-elicitation", "tools-call-sampling",
	}
}

// oldRounds look for what a legacy server cannot say: its own key of an input
// request, and a second round, where the reference server's shim has one.
func oldRounds() []string {
	return []string{"input-required-result-basic-elicitation", "input-required-result-multi-round"}
}

// plainRefusal looks for -32601: over legacy HTTP the reference server
// answers an unknown method with a bare status 400.
const plainRefusal = "server-stateless"

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
