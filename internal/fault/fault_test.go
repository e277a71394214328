package fault_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"onemcp/internal/fault"
)

func TestTheCauseIsForTheLogOnly(t *testing.T) {
	t.Parallel()
	cause := errors.New("dial tcp 10.0.0.1: refused")
	err := fault.New(fault.Unavailable, "backend %q is away", "files").WithHint("see 1mcp check --probe").WithCause(cause)
	wrapped := fmt.Errorf("call: %w", err)

	if got, want := fault.Public(wrapped), `backend "files" is away (see 1mcp check --probe)`; got != want {
		t.Errorf("Public = %q, want %q", got, want)
	}
	if fault.KindOf(wrapped) != fault.Unavailable || !errors.Is(wrapped, cause) {
		t.Errorf("kind or cause lost in %v", wrapped)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "err", err)
	if !strings.Contains(log.String(), "refused") {
		t.Errorf("the log does not show the cause: %s", log.String())
	}
}

func TestAnUnknownErrorSaysNothingInPublic(t *testing.T) {
	t.Parallel()
	err := errors.New("password=1234")
	if got := fault.Public(err); strings.Contains(got, "1234") {
		t.Errorf("Public = %q", got)
	}
	if fault.KindOf(err) != fault.Internal {
		t.Errorf("kind = %v", fault.KindOf(err))
	}
}
