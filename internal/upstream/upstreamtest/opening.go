package upstreamtest

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// opening shows which era a connection finds, and what it says when it finds none.
func (b Backend) opening(t *testing.T) {
	t.Parallel()
	legacy, modern := []mcp.Era{mcp.Legacy}, []mcp.Era{mcp.Modern}
	tests := []struct {
		name   string
		script Script
		asked  mcp.Era
		want   []mcp.Era // none: it must fail
		lines  bool      // can only happen to a process
	}{
		{"legacy server", Script{Eras: legacy}, mcp.NoEra, legacy, false},
		{"legacy server that lists its versions", Script{Eras: legacy, Probe: Lists}, mcp.NoEra, legacy, false},
		{"modern server", Script{Eras: modern}, mcp.NoEra, modern, false},
		{"server of both eras", Script{}, mcp.NoEra, []mcp.Era{mcp.Modern, mcp.Legacy}, false},
		{"server of both eras, legacy wanted", Script{}, mcp.Legacy, legacy, false},
		{"server of both eras, modern wanted", Script{}, mcp.Modern, []mcp.Era{mcp.Modern, mcp.Legacy}, false},
		{"legacy server, modern wanted", Script{Eras: legacy}, mcp.Modern, nil, false},
		{"modern server, legacy wanted", Script{Eras: modern}, mcp.Legacy, nil, false},
		{"legacy server that is silent at first", Script{Eras: legacy, Probe: Silent}, mcp.NoEra, legacy, true},
		{"modern server that answers late", Script{Eras: modern, Probe: Late}, mcp.NoEra, modern, true},
		{"legacy server that the question ends", Script{Eras: legacy, Probe: Exits}, mcp.NoEra, legacy, true},
	}
	for _, tt := range tests {
		if tt.lines && !b.Lines {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.script.Probe == Late {
				tt.script.Once = filepath.Join(t.TempDir(), "once")
			}
			o := openingOf(tt.asked)
			if tt.script.Probe == Silent || tt.script.Probe == Late {
				o.Probe = time.Millisecond
			}
			if tt.want == nil {
				b.refused(t, tt.script, o)
				return
			}
			b.opens(t, tt.script, o, tt.want)
		})
	}
	t.Run("silent server", func(t *testing.T) {
		t.Parallel()
		o := openingOf(mcp.NoEra)
		o.Timeout, o.Probe = 50*time.Millisecond, time.Millisecond
		if err := <-b.start(t, Script{Mute: true}, o).ended; fault.KindOf(err) != fault.Timeout {
			t.Errorf("Run returned %v, wanted a timeout", err)
		}
	})
}

func (b Backend) opens(t *testing.T, s Script, o upstream.Opening, want []mcp.Era) {
	l := b.open(t, s, o)
	if l.info.Era != want[0] || !slices.Equal(l.info.Eras, want) || mcp.EraOf(l.info.Version) != want[0] {
		t.Errorf("found %v %v %q, wanted %v", l.info.Era, l.info.Eras, l.info.Version, want)
	}
	if l.info.Instructions() != "scripted" || string(l.info.ServerInfo()) != serverInfo || string(l.info.Capabilities()) != capabilities {
		t.Errorf("the server said of itself: %s", l.info.Hello)
	}
	if got := l.call("echo", `{}`, upstream.Discard{}); got == "" {
		t.Error("no echo on the open connection")
	}
	l.up.empty(t, "the connection")
}

func (b Backend) refused(t *testing.T, s Script, o upstream.Opening) {
	l := b.start(t, s, o)
	select {
	case err := <-l.ended:
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("Run returned %v, wanted a fault of kind Unavailable", err)
		}
	case i := <-l.up.ready:
		t.Errorf("was opened as %v", i.Era)
	}
}
