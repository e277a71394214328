package interop_test

import (
	"context"
	"testing"

	"onemcp/interop/harness"
)

// TestDirectConformance proves the yardstick: the reference server itself
// passes everything, in each era.
func TestDirectConformance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		revision  string
		stateless bool
		scenarios int
	}{{"2025-11-25", false, 30}, {"2026-07-28", true, 37}} {
		t.Run(c.revision, func(t *testing.T) {
			t.Parallel()
			node.Need(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			endpoint := harness.StartGoEverything(t, bin.GoEverything, c.stateless)
			score := node.Conformance(ctx, t, endpoint, c.revision)
			if len(score.Failed) > 0 || len(score.Passed) != c.scenarios {
				t.Errorf("%d passed; failed: %q\n%s", len(score.Passed), score.Failed, score.Output)
			}
		})
	}
}
