package trustwatch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/trustproxy"
	"onemcp/internal/trustwatch"
)

// counts is a Metrics that counts.
type counts struct {
	mu    sync.Mutex
	names map[string]int
}

func (c *counts) add(name string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil {
		c.names = map[string]int{}
	}
	c.names[name] += n
}

func (c *counts) of(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.names[name]
}

func (c *counts) Request(s trustproxy.Status) { c.add("status "+s.String(), 1) }
func (c *counts) Anomaly(f trustproxy.Flag)   { c.add("flag "+f.String(), 1) }
func (c *counts) Peers(trusted, untrusted int) {
	c.add("trusted", trusted-c.of("trusted"))
	c.add("untrusted", untrusted-c.of("untrusted"))
}

// scene is a running watch behind the policy 10.0.0.0/8, within a bubble of synctest.
type scene struct {
	t       *testing.T
	watch   *trustwatch.Watch
	policy  *trustproxy.Policy
	metrics counts
	log     logBuffer
	mu      sync.Mutex
	got     []trustwatch.Alert
}

// alerts returns what was delivered so far.
func (s *scene) alerts() []trustwatch.Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func (s *scene) deliver(_ context.Context, a trustwatch.Alert) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, a)
}

// logBuffer is a log that one goroutine writes and another takes.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// take returns what was written since the last take.
func (b *logBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

func play(t *testing.T, f func(*scene)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		setting, err := trustproxy.ParseText("10.0.0.0/8")
		if err != nil {
			t.Fatal(err)
		}
		s := &scene{t: t, policy: setting.Compile(nil)}
		s.watch = trustwatch.New(trustwatch.Options{
			Log:     slog.New(slog.NewTextHandler(&s.log, nil)),
			Metrics: &s.metrics,
			Deliver: s.deliver,
		})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.watch.Run(ctx) }()
		f(s)
		if cancel(); <-done != nil {
			t.Error("Run ended with an error")
		}
	})
}

// request feeds one request and returns its decision.
func (s *scene) request(peer, xff string) *trustproxy.Decision {
	in := trustproxy.Input{Peer: peer, Host: "mcp.example.com", Header: http.Header{"X-Forwarded-Proto": {"https"}}}
	if xff != "" {
		in.Header["X-Forwarded-For"] = []string{xff}
	}
	d := s.policy.Derive(in)
	s.watch.Observe(s.policy, in, &d, time.Now())
	return &d
}

// pass lets time go by and forgets the log until then.
func (s *scene) pass(d time.Duration) string {
	time.Sleep(d)
	synctest.Wait()
	return s.log.take()
}

func (s *scene) wantLines(log string, want ...string) {
	s.t.Helper()
	if n := strings.Count(log, "\n"); n != len(want) {
		s.t.Errorf("%d lines, want %d:\n%s", n, len(want), log)
	}
	for _, parts := range want {
		found := false
		for line := range strings.Lines(log) {
			ok := true
			for part := range strings.SplitSeq(parts, "|") {
				ok = ok && strings.Contains(line, part)
			}
			found = found || ok
		}
		if !found {
			s.t.Errorf("no line with %s in\n%s", parts, log)
		}
	}
}

func TestFirstSeenThenSummarised(t *testing.T) {
	play(t, func(s *scene) {
		for range 5 {
			s.request("203.0.113.9:5", "1.1.1.1")
		}
		s.request("203.0.113.77:5", "1.1.1.1") // the same network
		s.request("198.51.100.9:5", "1.1.1.1") // another
		s.wantLines(s.pass(0),
			`level=WARN|trustproxy.anomaly|flag=untrusted_headers|peer_ip=203.0.113.9|X-Forwarded-For|add \"203.0.113.9\" to server.trustProxy`,
			`flag=untrusted_headers|peer_ip=198.51.100.9`)
		s.wantLines(s.pass(time.Minute), `level=WARN|trustproxy.anomaly|flag=untrusted_headers|network=203.0.113.0/24|count=5|total=6|last_peer=203.0.113.77`)
		s.wantLines(s.pass(time.Minute)) // quiet
		s.request("203.0.113.9:5", "1.1.1.1")
		s.wantLines(s.pass(time.Minute), `network=203.0.113.0/24|count=1|total=7`)
		if n := s.metrics.of("flag untrusted_headers"); n != 8 {
			t.Errorf("%d counted", n)
		}
	})
}

func TestWhatAProxyDoesNotSayIsSaidOnce(t *testing.T) {
	play(t, func(s *scene) {
		for range 100 {
			s.request("10.0.0.1:5", "")
			s.request("10.0.0.2:5", "")
		}
		s.wantLines(s.pass(10*time.Minute), "flag=missing_for|peer_ip=10.0.0.1", "flag=missing_for|peer_ip=10.0.0.2")
		if len(s.alerts()) != 0 {
			t.Errorf("alerts: %v", s.alerts())
		}
	})
}

func TestAlertPastTheRate(t *testing.T) {
	play(t, func(s *scene) {
		for range 20 {
			s.request("10.0.0.1:5", "nonsense")
		}
		s.pass(time.Second)
		if len(s.alerts()) != 0 {
			t.Fatalf("alerts at 20: %v", s.alerts())
		}
		for range 20 {
			s.request("10.0.0.1:5", "nonsense")
		}
		log := s.pass(time.Second)
		if len(s.alerts()) != 1 || s.alerts()[0].Flag != "malformed" || s.alerts()[0].Count != 21 || s.alerts()[0].Network.String() != "10.0.0.0/24" {
			t.Fatalf("alerts past 20: %+v", s.alerts())
		}
		s.wantLines(log, "level=ERROR|trustproxy.alert|flag=malformed|network=10.0.0.0/24|count=21")
		s.pass(time.Minute)
		for range 20 {
			s.request("10.0.0.1:5", "nonsense")
		}
		if s.pass(time.Second); len(s.alerts()) != 1 {
			t.Errorf("the next minute began with %d", len(s.alerts()))
		}
	})
}

func TestASpoofedPrefixIsLouderIfItClaimsMore(t *testing.T) {
	play(t, func(s *scene) {
		s.request("10.0.0.1:5", "1.1.1.1, 203.0.113.9")
		s.request("10.0.0.1:5", "127.0.0.1, 203.0.113.9")
		s.wantLines(s.pass(0), `level=INFO|flag=spoof_prefix|1.1.1.1`, `level=WARN|flag=spoof_prefix|127.0.0.1`)
	})
}

func TestHeaderRotation(t *testing.T) {
	for name, send := range map[string]func(*scene, int){
		"directly":        func(s *scene, i int) { s.request("203.0.113.9:5", fmt.Sprintf("1.1.1.%d", i)) },
		"through a proxy": func(s *scene, i int) { s.request("10.0.0.1:5", fmt.Sprintf("1.1.1.%d, 203.0.113.9", i)) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				rotations := func() int { return s.metrics.of("flag header_rotation") }
				for i := range 90 {
					send(s, i%30)
				}
				if rotations() != 0 {
					t.Error("30 claims are too many")
				}
				for i := range 60 {
					send(s, i)
				}
				s.pass(0)
				if rotations() != 1 {
					t.Errorf("%d rotations past 30 claims", rotations())
				}
				var last trustwatch.Alert
				for _, a := range s.alerts() {
					if a.Flag == "header_rotation" {
						last = a
					}
				}
				if last.Flag != "header_rotation" || last.Client != "203.0.113.9" {
					t.Errorf("alerts: %+v", s.alerts())
				}
				s.pass(time.Minute)
				for i := range 31 {
					send(s, i)
				}
				if rotations() != 2 {
					t.Errorf("%d rotations in the next minute", rotations())
				}
			})
		})
	}
}

func TestManyClientsBehindAProxyAreNoRotation(t *testing.T) {
	play(t, func(s *scene) {
		for i := range 200 {
			s.request("10.0.0.1:5", fmt.Sprintf("198.51.100.%d", i))
		}
		if n := s.metrics.of("flag header_rotation"); n != 0 {
			t.Errorf("%d rotations", n)
		}
	})
}

func TestIPChurn(t *testing.T) {
	play(t, func(s *scene) {
		from := func(session string, i int) {
			s.watch.Session(session, s.request("10.0.0.1:5", fmt.Sprintf("198.%d.100.9", i)))
		}
		churns := func() int { return s.metrics.of("flag ip_churn") }
		for i := range 20 {
			from("a", i%5)
			from(fmt.Sprint("b", i), i)
		}
		if churns() != 0 {
			t.Error("five networks are too many")
		}
		for i := range 9 {
			from("a", i)
		}
		if churns() != 1 {
			t.Errorf("%d churns past five networks", churns())
		}
		for i := range 10 {
			s.pass(3 * time.Minute)
			from("slow", i)
		}
		if churns() != 1 {
			t.Error("a session that travels slowly churns")
		}
		for range 10 {
			s.watch.Session("a", s.request("10.0.0.1:5", "nonsense")) // degraded tells nothing
		}
		if churns() != 1 {
			t.Error("degraded addresses count")
		}
	})
}

func TestRaise(t *testing.T) {
	play(t, func(s *scene) {
		d := s.request("203.0.113.9:5", "")
		s.pass(0)
		s.watch.Raise(trustproxy.HostDenied, d, "evil\r\n\x1b[31m.example")
		s.wantLines(s.pass(0), `flag=host_denied|peer_ip=203.0.113.9|evil\\r\\n\\x1b`)
		if s.metrics.of("flag host_denied") != 1 {
			t.Error("not counted")
		}
	})
}

func TestReport(t *testing.T) {
	play(t, func(s *scene) {
		for i := range 300 {
			s.request("10.0.0.1:5", fmt.Sprintf("1.1.1.1, 198.51.100.%d", i%256))
			s.pass(time.Second)
		}
		s.request("10.0.0.2:5", "")
		s.watch.Raise(trustproxy.OriginDenied, s.request("[2001:db8::9]:5", "1.1.1.1"), strings.Repeat("x", 1000))
		s.watch.Observe(s.policy, trustproxy.Input{Peer: "@"}, &trustproxy.Decision{Unix: true}, time.Now())
		r := s.watch.Report()
		if len(r.Anomalies) != 200 || r.Anomalies[0].Flag != "origin_denied" || len(r.Anomalies[0].Detail) != 256 || r.Anomalies[1].Flag != "untrusted_headers" ||
			r.Anomalies[199].Time.After(r.Anomalies[0].Time) {
			t.Errorf("anomalies: %d, %+v", len(r.Anomalies), r.Anomalies[:2])
		}
		got, err := json.Marshal(r.Peers)
		if err != nil {
			t.Fatal(err)
		}
		want := `[{"peer":"10.0.0.1","trusted":true,"requests":300,"with":{"X-Forwarded-For":300,"X-Forwarded-Proto":300},"lastSeen":"2000-01-01T00:04:59Z"},` +
			`{"peer":"10.0.0.2","trusted":true,"requests":1,"with":{"X-Forwarded-Proto":1},"lastSeen":"2000-01-01T00:05:00Z"},` +
			`{"peer":"2001:db8::9","trusted":false,"requests":1,"with":{"X-Forwarded-For":1,"X-Forwarded-Proto":1},"lastSeen":"2000-01-01T00:05:00Z"},` +
			`{"peer":"unix","trusted":false,"requests":1,"with":{},"lastSeen":"2000-01-01T00:05:00Z"}]`
		if string(got) != want {
			t.Errorf("peers\n%s\nwant\n%s", got, want)
		}
		s.pass(time.Minute)
		if s.metrics.of("trusted") != 2 || s.metrics.of("untrusted") != 2 || s.metrics.of("status verified") != 300 {
			t.Errorf("metrics: %v", s.metrics.names)
		}
	})
}

// TestStrangersDoNotFillTheLogOrTheTables sends from many networks.
func TestStrangersDoNotFillTheLogOrTheTables(t *testing.T) {
	play(t, func(s *scene) {
		s.request("10.0.0.1:5", "203.0.113.9")
		for i := range 5000 {
			s.request(fmt.Sprintf("203.%d.%d.9:5", i/256, i%256), "1.1.1.1")
		}
		log := s.pass(0)
		if n := strings.Count(log, "\n"); n != 100 {
			t.Errorf("%d lines", n)
		}
		if log = s.pass(time.Minute); !strings.Contains(log, "networks_not_named=4900") || strings.Count(log, "\n") != 1 {
			t.Errorf("summary:\n%s", log)
		}
		r := s.watch.Report()
		if len(r.Peers) != 1000 {
			t.Errorf("%d peers", len(r.Peers))
		}
		found := false
		for _, p := range r.Peers {
			found = found || p.Peer == "10.0.0.1"
		}
		if !found {
			t.Error("strangers pushed the proxy out")
		}
	})
}

func TestASlowDeliveryLosesAlertsNotRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := trustwatch.New(trustwatch.Options{Deliver: func(context.Context, trustwatch.Alert) { <-release }})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		for i := range 200 {
			d := (&trustproxy.Policy{}).Derive(trustproxy.Input{Peer: fmt.Sprintf("203.0.%d.9:5", i)})
			w.Raise(trustproxy.HeaderRotation, &d, "")
		}
		cancel()
		close(release)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	play(t, func(s *scene) {
		var all sync.WaitGroup
		for g := range 8 {
			all.Go(func() {
				for i := range 200 {
					d := s.request(fmt.Sprintf("203.0.%d.%d:5", g, i), "1.1.1.1")
					s.watch.Session("s", d)
					if i%50 == 0 {
						s.watch.Report()
					}
				}
			})
		}
		all.Wait()
		if n := s.metrics.of("flag untrusted_headers"); n != 1600 {
			t.Errorf("%d counted", n)
		}
	})
}

func BenchmarkObserve(b *testing.B) {
	setting, err := trustproxy.ParseText("10.0.0.0/8")
	if err != nil {
		b.Fatal(err)
	}
	p := setting.Compile(nil)
	in := trustproxy.Input{Peer: "10.0.0.1:5", Host: "a.example", Header: http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"https"}}}
	d := p.Derive(in)
	w, now := trustwatch.New(trustwatch.Options{}), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		w.Observe(p, in, &d, now)
	}
}
