package front

import (
	"net/http"
	"strings"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/hostguard"
	"onemcp/internal/publicurl"
	"onemcp/internal/ratelimit"
	"onemcp/internal/trustproxy"
)

// Access is the part of the configuration that says who is believed, what may be named, and how
// often one may call. It is immutable; a reload brings another one with [Front.SetAccess].
type Access struct {
	Trust           func() *trustproxy.Policy // of the moment: lists change by themselves
	TrustText       string                    // the setting, as whoami shows it
	Base            publicurl.Base            //
	Hosts           *hostguard.Guard
	AllowedHosts    []string // as whoami shows them
	RejectUntrusted bool     // refuse forwarding headers of peers that are not trusted
	HTTPSRedirect   bool
	HSTS            time.Duration // 0: no such header
	Limit           *ratelimit.Limiter[trustproxy.RateKey]
	IPv6Bits        int  // of an address that make one caller
	MaskClient      bool // in logs
}

// openAccess believes nobody and serves loopback names.
func openAccess() *Access {
	policy := trustproxy.Default().Compile(nil)
	return &Access{Trust: func() *trustproxy.Policy { return policy }, Hosts: hostguard.New(hostguard.Options{})}
}

// SetAccess puts another access configuration in force for the requests that come from now on.
func (f *Front) SetAccess(a *Access) { f.access.Store(a) }

// derive finds out who asks, once for the request.
func (x *exchange) derive(r *http.Request) {
	x.access = x.front.access.Load()
	in := inputOf(r)
	x.header, x.policy = in.Header, x.access.Trust()
	x.decision = x.policy.Derive(in)
	x.front.Watch.Observe(x.policy, in, &x.decision, x.started)
}

// inputOf is what the derivation judges.
func inputOf(r *http.Request) trustproxy.Input {
	in := trustproxy.Input{Peer: r.RemoteAddr, TLS: r.TLS != nil, Host: r.Host, Header: r.Header}
	if c, ok := r.Context().Value(connKey{}).(Announced); ok {
		proxied, tls := c.Announced()
		in.Proxied, in.TLS = proxied, in.TLS || tls
	}
	return in
}

// Forwarded implements gateway.Forwarder: what a backend may learn of the client, where its owner asked
// for that.
func (x *exchange) Forwarded() [][2]string {
	h := make(http.Header, 3)
	x.policy.Onward(x.header, x.decision).Set(h)
	var out [][2]string
	for name, values := range h {
		out = append(out, [2]string{name, values[0]})
	}
	return out
}

// Caller implements gateway.Forwarder.
func (x *exchange) Caller() any { return x.caller() }

// Announced is a connection that may have begun with a PROXY header.
type Announced interface {
	// Announced reports whether a trusted sender announced the remote address, and whether
	// it said that the client came by TLS.
	Announced() (proxied, tls bool)
}

type connKey struct{}

// Watcher learns of each decision. It must be quick and safe for concurrent use.
type Watcher interface {
	Observe(p *trustproxy.Policy, in trustproxy.Input, d *trustproxy.Decision, now time.Time)
	// Raise tells of a flag that was raised after the derivation; detail is the client's text.
	Raise(f trustproxy.Flag, d *trustproxy.Decision, detail string)
	// Session tells that a request of a session came.
	Session(id string, d *trustproxy.Decision)
}

type nobodyWatches struct{}

func (nobodyWatches) Observe(*trustproxy.Policy, trustproxy.Input, *trustproxy.Decision, time.Time) {
}
func (nobodyWatches) Raise(trustproxy.Flag, *trustproxy.Decision, string) {}
func (nobodyWatches) Session(string, *trustproxy.Decision)                {}

// admit is what every request must pass before it is looked at.
func (x *exchange) admit(r *http.Request, to target) error {
	x.secure()
	if to.kind == toHealth || to.kind == toIndex && r.Method == http.MethodOptions {
		return nil
	}
	if x.access.RejectUntrusted && x.decision.Flags.Has(trustproxy.UntrustedHeaders) {
		return fault.New(fault.Invalid, "forwarding headers came from %s, which is not a trusted proxy", x.decision.PeerText()).
			WithHint("add it to server.trustProxy; check id: untrusted_headers")
	}
	return x.guard(r, to)
}

func (x *exchange) guard(r *http.Request, to target) error {
	if to.kind != toWhoami || !x.probed(r) {
		if err := x.access.Hosts.Host(r.Host, &x.decision); err != nil {
			x.front.Watch.Raise(trustproxy.HostDenied, &x.decision, r.Host)
			return err
		}
	}
	if to.kind == toIndex {
		return nil
	}
	if err := x.access.Hosts.Origin(r.Header["Origin"], r.Host); err != nil {
		x.front.Watch.Raise(trustproxy.OriginDenied, &x.decision, r.Header.Get("Origin"))
		return err
	}
	return nil
}

// limit counts requests to the MCP endpoints.
func (x *exchange) limit(to target) error {
	if x.access.Limit == nil || to.kind != toMCP && to.kind != toOldPost && to.kind != toOldStream {
		return nil
	}
	retry, ok := x.access.Limit.Allow(x.caller(), x.started)
	if ok {
		return nil
	}
	return &refusal{
		status: http.StatusTooManyRequests,
		retry:  retry,
		err:    fault.New(fault.Busy, "too many requests").WithHint("try again in %s; the limit is server.rateLimit", retry),
	}
}

// secure tells browsers to stay with https, where the client came by it.
func (x *exchange) secure() {
	if x.access.HSTS > 0 && x.access.Base.Secure(x.decision) {
		x.Header().Set("Strict-Transport-Security", "max-age="+seconds(x.access.HSTS))
	}
}

// corsHeaders are the request headers a page may send.
var corsHeaders = [...]string{"authorization", "content-type", "accept", "last-event-id", "mcp-protocol-version", "x-1mcp-affinity"}

// cors lets pages of configured origins read what they are answered, and answers their preflights.
func (x *exchange) cors(r *http.Request, to target) (done bool) {
	origin := r.Header.Get("Origin")
	if origin == "" || to.kind == toIndex || to.kind == toHealth || !x.access.Hosts.ListsOrigin(origin) {
		return false
	}
	h := x.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", "Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", to.allow)
	h.Set("Access-Control-Allow-Headers", strings.Join(allowedHeaders(r.Header["Access-Control-Request-Headers"]), ", "))
	h.Set("Access-Control-Max-Age", "600")
	x.WriteHeader(http.StatusNoContent)
	return true
}

// allowedHeaders returns those of the wanted headers that a page may send.
func allowedHeaders(wanted []string) (out []string) {
	for name := range strings.SplitSeq(strings.ToLower(strings.Join(wanted, ",")), ",") {
		name = strings.TrimSpace(name)
		if strings.HasPrefix(name, "mcp-") || containsText(corsHeaders[:], name) {
			out = append(out, name)
		}
	}
	return out
}

func containsText(list []string, text string) bool {
	for _, t := range list {
		if t == text {
			return true
		}
	}
	return false
}
