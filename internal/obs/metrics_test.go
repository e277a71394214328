package obs_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"onemcp/internal/obs"
	"onemcp/internal/trustproxy"
)

func TestWhatIsCountedIsShown(t *testing.T) {
	t.Parallel()
	m := obs.New(obs.Gauges{
		Sessions:     func() int { return 3 },
		Backends:     func() map[string]int { return map[string]int{"ready": 2} },
		TrustedPeers: func() (int, int) { return 1, 4 },
		TrustListAge: func() time.Duration { return time.Minute },
	})
	m.Request("mcp", 200, trustproxy.StatusVerified, time.Millisecond)
	m.Flags(trustproxy.Flags(0).With(trustproxy.SpoofPrefix))
	m.Flag(trustproxy.HostDenied)
	m.RedirectLoop()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{
		`http_requests_total{code="200",route="mcp"} 1`, `forwarded_requests_total{status="verified"} 1`,
		`forwarded_anomalies_total{flag="spoof_prefix"} 1`, `forwarded_anomalies_total{flag="martian"} 0`, `host_denied_total 1`,
		`redirect_loops_total 1`, `mcp_sessions 3`, `mcp_backends{state="ready"} 2`, `forwarded_peers{trusted="false"} 4`, `trust_list_age_seconds 60`,
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
}
