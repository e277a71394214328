package remote

import (
	"net/http"
	"testing"

	"onemcp/internal/upstream"
)

func TestForwardedHeadersAreOfOneRequest(t *testing.T) {
	t.Parallel()
	shared := http.Header{"Accept": {"application/json"}, "X-Forwarded-For": {"configured"}}
	got := forwarded(shared, &upstream.Request{Forwarded: [][2]string{{"X-Forwarded-For", "203.0.113.7, 127.0.0.1"}}})
	if v := got["X-Forwarded-For"]; len(v) != 1 || v[0] != "203.0.113.7, 127.0.0.1" || got.Get("Accept") == "" {
		t.Errorf("got %v", got)
	}
	if shared.Get("X-Forwarded-For") != "configured" {
		t.Error("the headers of other requests are changed")
	}
	if same := forwarded(shared, &upstream.Request{}); same.Get("X-Forwarded-For") != "configured" {
		t.Errorf("nothing to forward: %v", same)
	}
}
