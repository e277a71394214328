package trustwatch

import (
	"context"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/trustproxy"
)

// The bounds and thresholds.
const (
	maxKeys      = 1000 // flags by network whose sightings are counted
	maxPeers     = 1000 // peers with a tally
	maxAnomalies = 200  // remembered for the report
	maxText      = 256  // bytes of a client's text that are kept

	period         = time.Minute // between summaries
	firstPerPeriod = 100         // lines about first sightings, for all networks together
	alertPerPeriod = 20          // sightings of a flag from a network
	alertBacklog   = 64          // alerts waiting for delivery
)

// Metrics receives the counts. Its methods must be quick and safe for concurrent use.
type Metrics interface {
	Request(trustproxy.Status)
	Anomaly(trustproxy.Flag)
	Peers(trusted, untrusted int) // how many of each have a tally; told once a period
}

// Alert is something that a person should look at.
type Alert struct {
	Time    time.Time    `json:"time"`
	Flag    string       `json:"flag"`
	Network netip.Prefix `json:"network"` // of the peer; invalid for a unix socket
	Peer    string       `json:"peer"`
	Client  string       `json:"client"`
	Count   int          `json:"count"` // sightings within the current minute
	Meaning string       `json:"meaning"`
}

// Options are what the watch needs from the world.
type Options struct {
	Log     *slog.Logger                 // default: none
	Metrics Metrics                      // default: none
	Deliver func(context.Context, Alert) // a webhook, say; called by Run, one at a time
}

// Watch observes decisions. Make one with [New].
type Watch struct {
	log     *slog.Logger
	metrics Metrics
	deliver func(context.Context, Alert)
	alerts  chan Alert
	lost    atomic.Int64 // alerts that found the channel full
	seed    maphash.Seed
	peers   peers
	claims  rotations
	nets    churns

	mu        sync.Mutex
	sightings sightings
	recent    ring
	firsts    int // lines about first sightings in this period
	silenced  int // those that were one too many
}

// New returns a watch.
func New(o Options) *Watch {
	w := &Watch{
		log: o.Log, metrics: o.Metrics, deliver: o.Deliver,
		alerts:    make(chan Alert, alertBacklog),
		seed:      maphash.MakeSeed(),
		peers:     newPeers(),
		claims:    newRotations(),
		nets:      newChurns(),
		sightings: newSightings(),
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	if w.metrics == nil {
		w.metrics = noMetrics{}
	}
	return w
}

// Observe takes note of a request that came now. Call it once for each, with the policy that decided and
// while the headers are valid.
func (w *Watch) Observe(p *trustproxy.Policy, in trustproxy.Input, d *trustproxy.Decision, now time.Time) {
	w.metrics.Request(d.Status)
	w.peers.count(d, now)
	if d.Flags != 0 {
		w.anomalies(p, in, d)
	}
}

// anomalies takes note of a request's flags, and of what the client claims to be.
func (w *Watch) anomalies(p *trustproxy.Policy, in trustproxy.Input, d *trustproxy.Decision) {
	claim := ""
	if d.Flags.Has(trustproxy.SpoofPrefix) || d.Flags.Has(trustproxy.UntrustedHeaders) {
		claim = p.Claim(in)
	}
	for f := range d.Flags.All {
		level := f.Level()
		if f == trustproxy.SpoofPrefix && p.ClaimsInternal(in, *d) {
			level = trustproxy.LevelWarn
		}
		w.sight(f, level, d, claim)
	}
	if claim != "" && w.claims.add(claimant(d), maphash.String(w.seed, claim)) {
		w.sight(trustproxy.HeaderRotation, trustproxy.LevelAlert, d, claim)
	}
}

// claimant returns who made the claim: the client behind the proxies, or the peer.
func claimant(d *trustproxy.Decision) netip.Addr {
	if d.Status == trustproxy.StatusVerified {
		return d.Client
	}
	return d.Peer
}

// Raise takes note of a flag that something else found, such as a guard's refusal. Detail is
// text of the client that explains it.
func (w *Watch) Raise(f trustproxy.Flag, d *trustproxy.Decision, detail string) {
	w.sight(f, f.Level(), d, detail)
}

// Session takes note of a request that belongs to a session or a token. Id may be a secret:
// only a keyed hash of it is kept.
func (w *Watch) Session(id string, d *trustproxy.Decision) {
	if d.Privileged() && w.nets.add(maphash.String(w.seed, id), d.Client) {
		w.sight(trustproxy.IPChurn, trustproxy.LevelWarn, d, "")
	}
}

// sight counts one sighting and does what its number asks for.
func (w *Watch) sight(f trustproxy.Flag, level trustproxy.Level, d *trustproxy.Decision, detail string) {
	w.metrics.Anomaly(f)
	detail = cut(detail)
	w.mu.Lock()
	n := w.sightings.add(sightingKey{f, level, keyNetwork(f, d)}, d)
	w.recent.add(Anomaly{Time: time.Now(), Flag: f.String(), Level: level.String(), Peer: d.PeerText(), Client: d.ClientText(),
		Status: d.Status.String(), Host: cut(d.Host), Detail: detail})
	first := n.total == 1 && w.mayLogFirst()
	w.mu.Unlock()
	if first {
		w.logFirst(f, level, d, detail)
	}
	if level == trustproxy.LevelAlert || n.period == alertPerPeriod+1 && countsAsAttack(f) {
		w.alert(f, d, n.period)
	}
}

// mayLogFirst spends one line of the period's. Callers hold the lock.
func (w *Watch) mayLogFirst() bool {
	if w.firsts >= firstPerPeriod {
		w.silenced++
		return false
	}
	w.firsts++
	return true
}

// keyNetwork returns by what the sightings of a flag are kept apart: the peer's network, or
// the peer alone where a proxy's configuration is at fault.
func keyNetwork(f trustproxy.Flag, d *trustproxy.Decision) netip.Prefix {
	if onceForAPeer(f) {
		return prefix(d.Peer, 32, 128)
	}
	return prefix(d.Peer, 24, 64)
}

// onceForAPeer tells whether one line says all there is to say about a peer.
func onceForAPeer(f trustproxy.Flag) bool {
	return f == trustproxy.MissingFor || f == trustproxy.MissingProto
}

// countsAsAttack tells whether many sightings of a flag deserve an alert. The others describe
// how proxies are set up, so a busy one raises them with every request.
func countsAsAttack(f trustproxy.Flag) bool {
	switch f {
	case trustproxy.MissingFor, trustproxy.MissingProto, trustproxy.ProtoList, trustproxy.HostList, trustproxy.Conflict,
		trustproxy.AllTrusted:
		return false
	}
	return true
}

func (w *Watch) alert(f trustproxy.Flag, d *trustproxy.Decision, count int) {
	a := Alert{Time: time.Now(), Flag: f.String(), Network: keyNetwork(f, d), Peer: d.PeerText(), Client: d.ClientText(),
		Count: count, Meaning: f.Meaning()}
	w.log.Error("trustproxy.alert", "flag", a.Flag, "network", a.Network.String(), "peer", a.Peer, "client", a.Client,
		"count", a.Count, "meaning", a.Meaning)
	if w.deliver == nil {
		return
	}
	select {
	case w.alerts <- a:
	default:
		w.lost.Add(1)
	}
}

// Run writes the summaries and delivers the alerts until ctx ends, and returns nil.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			w.summarise()
		case a := <-w.alerts:
			w.deliver(ctx, a)
		}
	}
}

// summarise writes one line for each flag and network seen again, and begins a new period.
func (w *Watch) summarise() {
	w.metrics.Peers(w.peers.sizes())
	w.mu.Lock()
	lines := w.sightings.endPeriod()
	silenced := w.silenced
	w.firsts, w.silenced = 0, 0
	w.mu.Unlock()
	for _, l := range lines {
		w.log.Log(context.Background(), slogLevel(l.key.level), "trustproxy.anomaly", "flag", l.key.flag.String(),
			"network", l.key.network.String(), "count", l.count, "total", l.total, "last_peer", l.peer, "last_client", l.client)
	}
	if lost := w.lost.Swap(0); lost > 0 {
		w.log.Warn("trustproxy.alert", "not_delivered", lost, "reason", "delivery is too slow")
	}
	if silenced > 0 {
		w.log.Warn("trustproxy.anomaly", "flag", "various", "networks_not_named", silenced)
	}
}

// logFirst tells about a flag from a network that was not seen before.
func (w *Watch) logFirst(f trustproxy.Flag, level trustproxy.Level, d *trustproxy.Decision, detail string) {
	attrs := []any{"flag", f.String(), "meaning", f.Meaning(), "peer_ip", d.PeerText(), "client_ip", d.ClientText(),
		"ip_status", d.Status.String(), "hops", d.Hops, "scheme", d.Scheme, "host", cut(d.Host), "headers", d.Seen.Names()}
	if detail != "" {
		attrs = append(attrs, "text", strconv.QuoteToASCII(detail))
	}
	if f == trustproxy.UntrustedHeaders {
		attrs = append(attrs, "remedy", remedy(d))
	}
	w.log.Log(context.Background(), slogLevel(level), "trustproxy.anomaly", attrs...)
}

// remedy names the entry to add, which is all that is missing in most new installations.
func remedy(d *trustproxy.Decision) string {
	entry := d.PeerText()
	if !d.Unix && !d.Peer.IsValid() {
		return "the peer has no address; nothing can be added"
	}
	return "if this is your proxy, add " + strconv.Quote(entry) + " to server.trustProxy or TRUST_PROXY"
}

func slogLevel(l trustproxy.Level) slog.Level {
	switch l {
	case trustproxy.LevelInfo:
		return slog.LevelInfo
	case trustproxy.LevelWarn:
		return slog.LevelWarn
	}
	return slog.LevelError
}

// cut copies the beginning of a text, so that remembering it does not hold a whole header.
func cut(s string) string { return strings.Clone(s[:min(len(s), maxText)]) }

// prefix returns the network of an address; invalid for none.
func prefix(a netip.Addr, v4, v6 int) netip.Prefix {
	bits := v6
	if a.Is4() {
		bits = v4
	}
	p, _ := a.Prefix(bits)
	return p
}

type noMetrics struct{}

func (noMetrics) Request(trustproxy.Status) {}
func (noMetrics) Anomaly(trustproxy.Flag)   {}
func (noMetrics) Peers(int, int)            {}
