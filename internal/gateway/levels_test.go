package gateway_test

import (
	"bytes"
	"sync"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/trace"
)

// sent keeps what is sent to backends.
type sent struct {
	mu   sync.Mutex
	msgs [][]byte
}

func (s *sent) observe(e trace.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Direction == trace.Sent {
		s.msgs = append(s.msgs, bytes.Clone(e.Message))
	}
}

// TestAModernServerGetsNoLogLevel: a level that sessions have set reaches a server that is opened later, in its era's own way.
func TestAModernServerGetsNoLogLevel(t *testing.T) {
	t.Parallel()
	for _, era := range []mcp.Era{mcp.Legacy, mcp.Modern} {
		t.Run(era.String(), func(t *testing.T) {
			t.Parallel()
			var seen sent
			t.Cleanup(func() { // when the gateway has ended
				told := bytes.Contains(bytes.Join(seen.msgs, nil), []byte(mcp.MethodSetLevel))
				if told != (era == mcp.Legacy) {
					t.Errorf("logging/setLevel was sent: %v: %s", told, bytes.Join(seen.msgs, []byte("\n")))
				}
			})
			g := startSeen(t, era, gateway.PerSession, seen.observe)
			hello := request(t, "0", "initialize", `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}`)
			s, _, err := g.Initialize(t.Context(), gateway.Scope{}, "anonymous", "/mcp", hello)
			if err != nil {
				t.Fatal(err)
			}
			c := &gateway.Client{Principal: "anonymous", Era: mcp.Legacy, Session: s, Meta: mcp.ClientMeta{Version: s.Version, Capabilities: s.Capabilities, Info: s.ClientInfo}}
			for _, m := range []*mcp.Message{
				request(t, "1", "logging/setLevel", `{"level":"error"}`),
				request(t, "2", "tools/call", `{"name":"ex_1mcp_echo","arguments":{"text":"x"}}`),
				request(t, "3", "logging/setLevel", `{"level":"info"}`), // returns when those that are open know it
			} {
				a, err := g.Serve(t.Context(), c, m, make(stream, 10))
				result(t, a, err)
			}
		})
	}
}
