package endtoend_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/upstream/upstreamtest"
)

var bothEras = []mcp.Era{mcp.Legacy, mcp.Modern}

// backendsOf returns whose tools a list holds, sorted.
func backendsOf(tools []string) (names []string) {
	for _, tool := range tools {
		name, _, _ := strings.Cut(tool, "_1mcp_")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestOneBadBackendDelaysNobody: of twenty backends one opens and never answers, and one ends at once.
func TestOneBadBackendDelaysNobody(t *testing.T) {
	t.Parallel()
	var s gateway.Setup
	var good []string
	for i := range 18 {
		name := fmt.Sprintf("good%02d", i)
		good = append(good, name)
		make := []func(*testing.T, string, upstreamtest.Script, ...mcptest.Excuse) gateway.Spec{overHTTP, overHTTP, overSSE, overStdio}[i%4]
		s.Backends = append(s.Backends, make(t, name, upstreamtest.Script{}))
	}
	hangs := overStdio(t, "hangs", upstreamtest.Script{Mute: true})
	hangs.ConnectionTimeout = time.Hour
	crashes := overStdio(t, "crashes", upstreamtest.Script{Probe: upstreamtest.Exits})
	crashes.Era = mcp.Modern // or it would be started again, as a legacy one
	s.Backends = slices.Insert(s.Backends, 9, hangs, crashes)
	r := start(t, s)
	r.ready(good...)
	for _, era := range bothEras {
		c := r.connect(era, "/mcp")
		if got := backendsOf(c.list()); !slices.Equal(got, good) {
			t.Errorf("%s: the list holds tools of %v", era, got)
		}
		for _, name := range good {
			c.call(name+"_1mcp_echo", `{}`)
		}
	}
	if state := r.state("hangs"); state != gateway.Starting {
		t.Errorf("the backend that hangs is %s", state)
	}
	if state := r.state("crashes"); state == gateway.Ready {
		t.Error("the backend that crashes is ready")
	}
}

// TestLateArrivalsAreTold: the gateway serves before its backends do, and tells of those that come later,
// those who can see them.
func TestLateArrivalsAreTold(t *testing.T) {
	t.Parallel()
	late := newWeb(upstreamtest.Script{Eras: legacyOnly}) // a modern one would tell of changes of its own
	late.gate = make(chan struct{})
	r := start(t, setup(overHTTP(t, "early", upstreamtest.Script{Eras: legacyOnly}), late.serve(t, "late")))
	r.ready("early")
	type told struct{ merged, direct *listener }
	listeners := make(map[mcp.Era]told)
	for _, era := range bothEras {
		c := r.connect(era, "/mcp")
		if got := backendsOf(c.list()); !slices.Equal(got, []string{"early"}) || r.state("late") != gateway.Starting {
			t.Errorf("%s: the list holds tools of %v while the other one is %s", era, got, r.state("late"))
		}
		listeners[era] = told{c.listen(), r.connect(era, "/mcp/servers/early").listen()}
	}
	close(late.gate)
	for _, era := range bothEras {
		listeners[era].merged.told(mcp.NoteToolsChanged)
		if got := backendsOf(r.connect(era, "/mcp").list()); !slices.Equal(got, []string{"early", "late"}) {
			t.Errorf("%s: the list holds tools of %v", era, got)
		}
	}
	r.connect(mcp.Legacy, "/mcp").call("early_1mcp_news", `{"method":"notifications/prompts/list_changed"}`)
	for _, era := range bothEras {
		listeners[era].direct.told(mcp.NotePromptsChanged) // the first thing it hears
		listeners[era].merged.told(mcp.NotePromptsChanged)
	}
}
