package gateway

import (
	"testing"

	"onemcp/internal/mcp"
)

// TestLevelsAreForgottenWithWhoAskedForThem, and the lowest of those that are left counts.
func TestLevelsAreForgottenWithWhoAskedForThem(t *testing.T) {
	t.Parallel()
	const debug, warning, emergency = mcp.Level(0), mcp.Level(3), mcp.Level(7)
	var v levels
	for i, step := range []struct {
		do          func()
		lowest, ofA mcp.Level
	}{
		{func() {}, mcp.NoLevel, mcp.NoLevel},
		{func() { v.drop("a", 1) }, mcp.NoLevel, mcp.NoLevel},
		{func() { v.set("a", 1, warning) }, warning, warning},
		{func() { v.set("a", 1, warning) }, warning, warning},
		{func() { v.set("a", 2, emergency) }, warning, warning},
		{func() { v.set("b", 1, debug) }, debug, warning},
		{func() { v.drop("a", 1) }, debug, emergency},
		{func() { v.drop("a", 1) }, debug, emergency},
		{func() { v.set("b", 1, warning) }, warning, emergency},
		{func() { v.drop("b", 1) }, emergency, emergency},
		{func() { v.drop("a", 2) }, mcp.NoLevel, mcp.NoLevel},
	} {
		step.do()
		if low, a := v.lowest(), v.get("a"); low != step.lowest || a != step.ofA {
			t.Errorf("step %d: %d and %d, wanted %d and %d", i, low, a, step.lowest, step.ofA)
		}
	}
	if len(v.of)+len(v.count) != 0 || v.askers.Load() != 0 {
		t.Errorf("left: %v, %v, %d", v.of, v.count, v.askers.Load())
	}
}
