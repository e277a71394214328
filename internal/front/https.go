package front

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"onemcp/internal/fault"
	"onemcp/internal/trustproxy"
)

// The bounds of a redirect to https: so many in that time by one client for one URL are a loop.
const (
	loopCount  = 3
	loopWindow = 10 * time.Second
	loopMemory = 4096
)

// redirects remembers whom was sent where.
type redirects struct {
	recent *lru.Cache[redirectKey, redirectCount]
}

type redirectKey struct {
	client trustproxy.RateKey
	url    string
}

type redirectCount struct {
	since time.Time
	n     int
}

func newRedirects() *redirects {
	cache, _ := lru.New[redirectKey, redirectCount](loopMemory) // fails for a size below one only
	return &redirects{cache}
}

// loops counts a redirect and reports whether it goes in circles.
func (v *redirects) loops(key redirectKey, now time.Time) bool {
	c, ok := v.recent.Get(key)
	if !ok || now.Sub(c.since) > loopWindow {
		c = redirectCount{since: now}
	}
	c.n++
	v.recent.Add(key, c)
	return c.n > loopCount
}

// toHTTPS sends a client that came by http, as a trusted proxy says, to https. It reports whether the request
// is answered with that.
func (x *exchange) toHTTPS(r *http.Request, to target) (done bool, err error) {
	d := &x.decision
	said := d.Trusted && d.Sources.Scheme != trustproxy.Connection
	if !x.access.HTTPSRedirect || to.kind == toHealth || to.kind == toWhoami || !said || d.Scheme != "http" {
		return false, nil
	}
	location, ok := x.httpsURL(r, to)
	if !ok {
		return false, nil
	}
	if x.front.redirects.loops(redirectKey{d.RateKey(x.access.IPv6Bits), location}, time.Now()) {
		x.front.Metrics.RedirectLoop()
		return false, &refusal{
			status: http.StatusLoopDetected,
			err: fault.New(fault.Denied, "the proxy says http again and again for %s", location).
				WithHint("have the proxy set X-Forwarded-Proto to https for clients that came by https, or turn server.httpsRedirect off; check id: redirect_loop"),
		}
	}
	x.Header().Set("Location", location)
	x.Header().Set("Cache-Control", "no-store")
	x.WriteHeader(http.StatusPermanentRedirect)
	return true, nil
}

// httpsURL is the request's URL under https: on the external URL if there is one, else on the Host, which the
// guard has let through.
func (x *exchange) httpsURL(r *http.Request, to target) (string, bool) {
	base := x.access.Base.Of(x.decision)
	if !x.access.Base.Pinned() {
		host, ok := trustproxy.ParseHost(r.Host)
		if !ok {
			return "", false
		}
		base = "https://" + strings.TrimSuffix(host.Text, ":"+host.Port)
	}
	if !strings.HasPrefix(base, "https://") {
		return "", false
	}
	if r.URL.RawQuery != "" {
		return base + to.path + "?" + r.URL.RawQuery, true
	}
	return base + to.path, true
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
