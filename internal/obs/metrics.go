package obs

import (
	"maps"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"onemcp/internal/trustproxy"
)

// Metrics are the instruments of one process.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	took      *prometheus.HistogramVec
	forwarded [4]prometheus.Counter // by trustproxy.Status
	anomalies map[trustproxy.Flag]prometheus.Counter
	denied    prometheus.Counter
	loops     prometheus.Counter

	binding sync.Mutex // held while bound is replaced
	bound   atomic.Pointer[map[outcome]bound]
}

// Gauges are read when metrics are asked for.
type Gauges struct {
	Sessions     func() int
	TrustedPeers func() (trusted, other int)
	TrustListAge func() time.Duration
	Backends     func() map[string]int // by state
}

// New returns metrics with a registry of their own.
func New(g Gauges) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), anomalies: make(map[trustproxy.Flag]prometheus.Counter)}
	m.bound.Store(&map[outcome]bound{})
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total", Help: "Requests by what they were for and their status.",
	}, []string{"route", "code"})
	m.took = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "Time until a request was answered, streams included.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60},
	}, []string{"route"})
	forwarded := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "forwarded_requests_total", Help: "Requests by how far the client address could be verified.",
	}, []string{"status"})
	anomalies := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "forwarded_anomalies_total", Help: "Oddities in forwarding headers, by flag.",
	}, []string{"flag"})
	m.denied = prometheus.NewCounter(prometheus.CounterOpts{Name: "host_denied_total", Help: "Requests the host guard refused."})
	m.loops = prometheus.NewCounter(prometheus.CounterOpts{Name: "redirect_loops_total", Help: "Redirects to https that were stopped because they went in circles."})
	for s := range m.forwarded {
		m.forwarded[s] = forwarded.WithLabelValues(trustproxy.Status(s).String())
	}
	for f := trustproxy.UntrustedHeaders; f <= trustproxy.OriginDenied; f <<= 1 {
		m.anomalies[f] = anomalies.WithLabelValues(f.String())
	}
	m.registry.MustRegister(m.requests, m.took, forwarded, anomalies, m.denied, m.loops,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), gauges{g})
	return m
}

// Request counts one request.
func (m *Metrics) Request(route string, status int, client trustproxy.Status, took time.Duration) {
	b := m.instruments(outcome{route, status})
	b.requests.Inc()
	b.took.Observe(took.Seconds())
	m.forwarded[client].Inc()
}

// outcome is by what requests are counted.
type outcome struct {
	route  string
	status int
}

// bound are the instruments of one outcome, looked up once.
type bound struct {
	requests prometheus.Counter
	took     prometheus.Observer
}

// instruments returns those of an outcome. There are few outcomes, so the table is copied for each new one.
func (m *Metrics) instruments(o outcome) bound {
	if b, ok := (*m.bound.Load())[o]; ok {
		return b
	}
	m.binding.Lock()
	defer m.binding.Unlock()
	more := maps.Clone(*m.bound.Load())
	more[o] = bound{m.requests.WithLabelValues(o.route, strconv.Itoa(o.status)), m.took.WithLabelValues(o.route)}
	m.bound.Store(&more)
	return more[o]
}

// Flag counts one flag.
func (m *Metrics) Flag(f trustproxy.Flag) {
	if c := m.anomalies[f]; c != nil {
		c.Inc()
	}
	if f == trustproxy.HostDenied {
		m.denied.Inc()
	}
}

// RedirectLoop counts a loop that was stopped.
func (m *Metrics) RedirectLoop() { m.loops.Inc() }

// Handler shows everything in the text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// gauges is a collector over [Gauges].
type gauges struct{ Gauges }

// Describe implements prometheus.Collector: it is unchecked, since its metrics follow from what there is.
func (gauges) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (g gauges) Collect(out chan<- prometheus.Metric) {
	gauge := func(name, help string, value float64, labels ...string) {
		var names, values []string
		for i := 0; i+1 < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), prometheus.GaugeValue, value, values...)
	}
	if g.Sessions != nil {
		gauge("mcp_sessions", "Open sessions of legacy clients.", float64(g.Sessions()))
	}
	if g.Backends != nil {
		for state, n := range g.Backends() {
			gauge("mcp_backends", "Backends by state.", float64(n), "state", state)
		}
	}
	if g.TrustedPeers != nil {
		trusted, other := g.TrustedPeers()
		gauge("forwarded_peers", "Peers seen lately, by whether they are trusted proxies.", float64(trusted), "trusted", "true")
		gauge("forwarded_peers", "Peers seen lately, by whether they are trusted proxies.", float64(other), "trusted", "false")
	}
	if g.TrustListAge != nil {
		gauge("trust_list_age_seconds", "Age of the oldest list of trusted proxies that was loaded from a file or DNS.", g.TrustListAge().Seconds())
	}
}
