package front

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/probe"
	"onemcp/internal/sse"
	"onemcp/internal/trustproxy"
)

// whoami is what we see of a caller.
type whoami struct {
	Peer     string            `json:"peer"`
	ClientIP *string           `json:"clientIp"`
	Status   string            `json:"status"`
	Degraded bool              `json:"degraded"`
	Trusted  bool              `json:"trusted"` // the peer is a trusted proxy
	Hops     int               `json:"hops"`
	Scheme   string            `json:"scheme"`
	Host     string            `json:"host"`
	RawHost  string            `json:"rawHost"`
	Sources  map[string]string `json:"sources"`
	Flags    []string          `json:"flags"`
	Steps    []string          `json:"steps"`
	Base     string            `json:"publicBaseUrl"`
	Proto    string            `json:"proto"`
	TLS      bool              `json:"tls"`
}

// whoamiDetails is what only the holder of a probe token sees.
type whoamiDetails struct {
	Headers      [][2]string `json:"headers"`
	TrustProxy   string      `json:"trustProxy"`
	ExternalURL  []string    `json:"externalUrl"`
	AllowedHosts []string    `json:"allowedHosts"`
	Heartbeat    int64       `json:"heartbeatInterval"` // milliseconds
	Time         time.Time   `json:"time"`
	Version      string      `json:"version"`
}

// probed reports whether the caller holds a token of the doctor's.
func (x *exchange) probed(r *http.Request) bool {
	token := r.Header.Get(probe.Header)
	return token != "" && x.front.Probe.Check(token, time.Now())
}

// serveWhoami answers local callers about themselves, and the doctor about more.
func (f *Front) serveWhoami(x *exchange, r *http.Request, to target) error {
	token := x.probed(r)
	if !token && (to.path != "/whoami" || !x.decision.Local(r.Host)) {
		return fault.New(fault.Denied, "%s answers callers on this machine only", to.path).
			WithHint("run `1mcp doctor` on the gateway's machine; a request with forwarding headers does not count as local")
	}
	x.Header().Set("Cache-Control", "no-store")
	switch to.path {
	case "/whoami/stream":
		return f.streamTest(x, r)
	case "/whoami/body":
		n, err := io.Copy(io.Discard, http.MaxBytesReader(x, r.Body, f.MaxBody))
		if err != nil {
			return f.tooLarge()
		}
		return x.json(http.StatusOK, map[string]int64{"bytes": n})
	case "/trust/anomalies":
		return x.json(http.StatusOK, f.Anomalies())
	}
	return f.tellWho(x, r, token)
}

func (f *Front) tellWho(x *exchange, r *http.Request, token bool) error {
	d, steps := x.policy.Explain(inputOf(r))
	who := whoami{
		Peer: d.PeerText(), Status: d.Status.String(), Degraded: d.Degraded, Trusted: d.Trusted, Hops: d.Hops,
		Scheme: d.Scheme, Host: d.Host, RawHost: r.Host,
		Sources: map[string]string{"ip": d.Sources.IP, "scheme": d.Sources.Scheme, "host": d.Sources.Host},
		Flags:   d.Flags.Names(), Steps: steps, Base: x.access.Base.Of(d), Proto: r.Proto, TLS: r.TLS != nil,
	}
	if d.Client.IsValid() {
		text := d.Client.String()
		who.ClientIP = &text
	}
	if !token {
		return x.json(http.StatusOK, who)
	}
	return x.json(http.StatusOK, struct {
		whoami
		whoamiDetails
	}{who, f.details(x, r)})
}

func (f *Front) details(x *exchange, r *http.Request) whoamiDetails {
	out := whoamiDetails{
		Headers: [][2]string{{"Host", r.Host}}, TrustProxy: x.access.TrustText, ExternalURL: []string{},
		AllowedHosts: x.access.AllowedHosts, Heartbeat: f.Heartbeat.Milliseconds(), Time: time.Now().UTC(), Version: f.Version,
	}
	for _, e := range x.access.Base.External() {
		out.ExternalURL = append(out.ExternalURL, e.String())
	}
	for name, values := range r.Header {
		if trustproxy.IsForwarding(name) || name == "Connection" || name == "Via" {
			for _, v := range values {
				out.Headers = append(out.Headers, [2]string{name, v})
			}
		}
	}
	return out
}

// The bounds of a test stream.
const (
	maxTestEvents = 20
	maxTestGap    = 120 * time.Second
)

// streamTest sends events with gaps between them, so that the doctor sees what a proxy does to streams.
func (f *Front) streamTest(x *exchange, r *http.Request) error {
	query := r.URL.Query()
	events, gap := number(query.Get("events"), 3), time.Duration(number(query.Get("gap"), 300))*time.Millisecond
	if events < 1 || events > maxTestEvents || gap < 0 || gap > maxTestGap {
		return fault.New(fault.Invalid, "events must be from 1 to %d and gap from 0 to %d", maxTestEvents, maxTestGap/time.Millisecond)
	}
	e := x.events()
	for i := range events {
		if i > 0 && !e.pause(r.Context(), gap, f.Heartbeat) {
			return nil
		}
		if err := e.numbered(i+1, `{"time":"`+time.Now().UTC().Format(time.RFC3339Nano)+`"}`); err != nil {
			return nil
		}
	}
	return nil
}

// numbered writes an event with an id at once.
func (e *events) numbered(id int, data string) error {
	e.buf = sse.Append(e.buf, sse.Event{ID: strconv.Itoa(id), Data: []byte(data)})
	return e.flush()
}

// pause waits for a time, beating as every stream does, and reports whether the client is still there.
func (e *events) pause(ctx context.Context, gap, beat time.Duration) bool {
	end := time.NewTimer(gap)
	defer end.Stop()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-end.C:
			return true
		case <-tick.C:
			if e.beat() != nil {
				return false
			}
		case <-ctx.Done():
			return false
		}
	}
}

func number(text string, otherwise int) int {
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}
