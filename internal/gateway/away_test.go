package gateway

import (
	"log/slog"
	"testing"

	"onemcp/internal/fault"
)

// TestABackendThatIsAwayIsNamedOnce: a cause that names it says all.
func TestABackendThatIsAwayIsNamedOnce(t *testing.T) {
	t.Parallel()
	b := newBackend(&Gateway{log: slog.New(slog.DiscardHandler)}, &Spec{Name: "x"})
	const hint = "GET / shows its state; `1mcp check --probe` tries it"
	for _, tt := range []struct {
		name  string
		cause error
		want  string
	}{
		{"no cause", nil, `backend "x" is not available (` + hint + `)`},
		{"a cause", fault.New(fault.Unavailable, "it is being closed"), `backend "x" is not available: it is being closed (` + hint + `)`},
		{"one that names it", fault.New(fault.Unavailable, `backend "x" cannot be reached: nobody`), `backend "x" cannot be reached: nobody (` + hint + `)`},
		{"one that knows a remedy", fault.New(fault.Unavailable, `backend "x" cannot be reached`).WithHint("start it"), `backend "x" cannot be reached (start it; GET / shows its state)`},
		{"one that names it with a colon", fault.New(fault.Unavailable, `backend "x": "npx" could not be started`).WithHint("install it"), `backend "x": "npx" could not be started (install it; GET / shows its state)`},
	} {
		if got := b.away(tt.cause).Error(); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
