package trustwatch

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"onemcp/internal/trustproxy"
)

// Anomaly is one flag of one request, as the report shows it.
type Anomaly struct {
	Time   time.Time `json:"time"`
	Flag   string    `json:"flag"`
	Level  string    `json:"level"`
	Peer   string    `json:"peer"`
	Client string    `json:"client"`
	Status string    `json:"status"`
	Host   string    `json:"host"`
	Detail string    `json:"detail,omitempty"` // text of the client, cut; not to be trusted or used
}

// Peer is what one peer sent so far.
type Peer struct {
	Peer     string           `json:"peer"`
	Trusted  bool             `json:"trusted"`
	Requests int64            `json:"requests"`
	With     map[string]int64 `json:"with"` // requests with each header that was seen at all
	LastSeen time.Time        `json:"lastSeen"`
}

// Report is what the watch remembers.
type Report struct {
	Anomalies []Anomaly `json:"anomalies"` // the last 200, newest first
	Peers     []Peer    `json:"peers"`     // busiest first
}

// Report returns a copy of what is remembered.
func (w *Watch) Report() Report {
	w.mu.Lock()
	anomalies := w.recent.newestFirst()
	w.mu.Unlock()
	return Report{Anomalies: anomalies, Peers: w.peers.report()}
}

// ring keeps the last anomalies. Not safe for concurrent use.
type ring struct {
	kept  [maxAnomalies]Anomaly
	total int
}

func (r *ring) add(a Anomaly) {
	r.kept[r.total%maxAnomalies] = a
	r.total++
}

func (r *ring) newestFirst() []Anomaly {
	out := make([]Anomaly, min(r.total, maxAnomalies))
	for i := range out {
		out[i] = r.kept[(r.total-1-i)%maxAnomalies]
	}
	return out
}

func (p *peers) report() []Peer {
	p.mu.RLock()
	defer p.mu.RUnlock()
	out := make([]Peer, 0, len(p.table))
	for key, t := range p.table {
		out = append(out, t.report(key))
	}
	slices.SortFunc(out, func(a, b Peer) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Peer, b.Peer))
	})
	return out
}

func (t *tally) report(a netip.Addr) Peer {
	out := Peer{Peer: "unix", Trusted: t.trusted.Load(), Requests: t.requests.Load(), With: map[string]int64{},
		LastSeen: time.Unix(t.last.Load(), 0).UTC()}
	if a.IsValid() {
		out.Peer = a.String()
	}
	for i := range t.headers {
		if n := t.headers[i].Load(); n > 0 {
			out.With[trustproxy.Seen(1 << i).Names()[0]] = n
		}
	}
	return out
}
