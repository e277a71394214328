package front

import (
	"encoding/json"
	"net/http"

	"onemcp/internal/gateway"
)

// health is the body of /health.
type health struct {
	Status   string         `json:"status"`
	Version  string         `json:"version,omitempty"`
	Backends map[string]int `json:"backends,omitempty"` // by state, and their total
}

// serveHealth answers load balancers and people. Live says that the process serves, ready that it welcomes new
// work; a backend that is away makes neither false.
func (f *Front) serveHealth(x *exchange, to target) error {
	status, body := http.StatusOK, health{Status: "ok"}
	if to.path != "/health/live" && !f.Ready() {
		status, body.Status = http.StatusServiceUnavailable, "unavailable"
	}
	if to.path == "/health" {
		body.Version = f.Version
		body.Backends = countStates(f.Gateway.Status())
		if status == http.StatusOK && degraded(body.Backends) {
			body.Status = "degraded"
		}
	}
	x.Header().Set("Cache-Control", "no-store")
	return x.json(status, body)
}

func countStates(all []gateway.Status) map[string]int {
	counts := map[string]int{"total": len(all)}
	for _, s := range all {
		counts[string(s.State)]++
	}
	return counts
}

// degraded reports whether a backend that should be there is not.
func degraded(counts map[string]int) bool {
	return counts[string(gateway.Ready)]+counts[string(gateway.Disabled)] < counts["total"]
}

func (x *exchange) json(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	x.answer(status, append(body, '\n'))
	return nil
}
