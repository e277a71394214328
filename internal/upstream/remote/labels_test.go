package remote

import (
	"net/http"
	"testing"

	"onemcp/internal/h1"
)

func TestHeadersOfOneRequestAreOfOneRequest(t *testing.T) {
	t.Parallel()
	shared := &form{header: http.Header{"Accept": {"application/json"}, "X-Forwarded-For": {"configured"}}}
	one := letter{form: shared, more: []h1.Field{{"x-forwarded-for", "203.0.113.7, 127.0.0.1"}}}
	got := one.fullHeader()
	if v := got["X-Forwarded-For"]; len(v) != 1 || v[0] != "203.0.113.7, 127.0.0.1" || got.Get("Accept") == "" {
		t.Errorf("got %v", got)
	}
	if shared.header.Get("X-Forwarded-For") != "configured" {
		t.Error("the headers of all requests were changed")
	}
	other := letter{form: shared}
	if same := other.fullHeader(); same.Get("X-Forwarded-For") != "configured" {
		t.Errorf("got %v", same)
	}
}
