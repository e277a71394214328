package doctor

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"onemcp/internal/probe"
	"onemcp/internal/publicurl"
	"onemcp/internal/secret"
)

// Plan says what to look at.
type Plan struct {
	Version  string // of this program
	Setup    Setup
	Token    secret.Text         // of package probe
	URL      *publicurl.External // nil: the listener alone
	Connect  string              // host:port to connect to in place of the URL's own; "" for that
	From     netip.Addr          // of this machine, to call the URL from; invalid: any
	Insecure bool                // take any certificate
	Idle     bool                // also hold a stream open for two heartbeats, however long that is
}

// The sizes of what is sent to find limits.
const (
	testBody   = 2 << 20 // above the 1 MiB of an nginx that was not told
	testHeader = 7 << 10 // below the 8 KiB of most proxies
)

// quickIdle is how long the idle check may take without being asked for.
const quickIdle = 5 * time.Second

// Examine looks at the gateway, directly and through the public URL. It waits for each answer for 10 s at most,
// and returns early with what it has when ctx ends.
func Examine(ctx context.Context, p Plan) *Observations {
	o := &Observations{Version: p.Version, Setup: p.Setup}
	direct := newDirect(p)
	defer direct.close()
	o.Direct = direct.whoami(ctx, nil)
	if p.URL == nil {
		return o
	}
	e := &examination{plan: p, caller: newPublic(p), out: &Public{URL: *p.URL}}
	defer e.close()
	o.Public = e.out
	e.out.Clean = e.whoami(ctx, nil)
	if e.out.Clean.Whoami.Admitted() {
		e.rest(ctx)
	}
	return o
}

// examination is what goes on through the public URL.
type examination struct {
	*caller
	plan Plan
	out  *Public
}

// rest looks at everything once the honest request has passed.
func (e *examination) rest(ctx context.Context) {
	client, proto, host := e.plan.Setup.Trust.HeaderNames()
	e.out.Forged = forge(e.out.URL.Scheme, client, proto, host)
	e.out.Forged.Call = e.whoami(ctx, headerOf(e.out.Forged.Headers))
	e.out.Strip = e.whoami(ctx, http.Header{"Connection": {strip(client, proto, host)}})
	e.out.Plain = e.follow(ctx, e.ping())
	e.out.Stream = e.patientStream(ctx)
	e.out.Idle = e.idle(ctx)
	e.out.Body = e.body(ctx, min(testBody, e.plan.Setup.MaxBody))
	if e.plan.Setup.MaxBody > e.out.Body.Size {
		e.out.Limit = e.announce(ctx, e.plan.Setup.MaxBody)
	}
	e.out.Header = Upload{Size: testHeader, Call: e.whoami(ctx, http.Header{"X-1mcp-Pad": {strings.Repeat("x", testHeader)}})}
	e.out.Open = e.open(ctx)
}

// ping is what a client of MCP would send, and changes nothing. It has no token, so the guards apply.
func (c *caller) ping() ask {
	return ask{
		method: http.MethodPost, path: "/mcp", open: true, body: `{"jsonrpc":"2.0","id":"doctor","method":"ping"}`,
		header: http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}},
	}
}

func (c *caller) whoami(ctx context.Context, h http.Header) Call {
	return c.follow(ctx, ask{method: http.MethodGet, path: "/whoami", header: h})
}

// open tries the gateway's port at the address of the public URL, without a token. A listener
// that only this machine reaches needs no trial.
func (e *examination) open(ctx context.Context) []string {
	l, remote := e.plan.Setup.Listener, e.out.Clean.Remote
	if l.Network != "tcp" || l.Local || !remote.IsValid() || portOf(l) == portOf(Listener{Address: remote.String()}) {
		return nil
	}
	at := net.JoinHostPort(remote.Addr().String(), portOf(l))
	c := newCaller("http://"+at, secret.Text{}, &http.Transport{})
	defer c.close()
	if call := c.follow(ctx, ask{method: http.MethodGet, path: "/health/live", open: true}); call.Status == http.StatusOK && strings.Contains(call.Body, `"status"`) {
		return []string{at}
	}
	return nil
}

// tokenOf returns the header that carries the token.
func tokenOf(t secret.Text) http.Header {
	if t.Empty() {
		return nil
	}
	return http.Header{probe.Header: {t.Reveal()}}
}
