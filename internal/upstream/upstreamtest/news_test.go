package upstreamtest

import (
	"context"
	"strings"
	"testing"
)

// TestASubscriptionCountsFromItsAcknowledgement: whoever has read the acknowledgement may make news at once.
func TestASubscriptionCountsFromItsAcknowledgement(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := NewServer(Script{Hush: true})
	acknowledged := false
	s.Handle(ctx, []byte(`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`), func(msg []byte) {
		acknowledged = acknowledged || strings.Contains(string(msg), "acknowledged")
		if s.interest.mu.TryLock() {
			t.Error("news can go out before the subscription is noted")
			s.interest.mu.Unlock()
		}
		cancel()
	})
	if !acknowledged {
		t.Error("there was no acknowledgement")
	}
}
