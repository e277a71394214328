package doctor

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"onemcp/internal/secret"
)

const (
	maxRedirects = 10
	patience     = 10 * time.Second // for one answer
	maxAnswer    = 256 << 10
	keptBody     = 4 << 10
)

// caller sends requests to one base URL, and follows redirects by hand.
type caller struct {
	base   string // without a slash at its end
	origin string
	token  secret.Text
	rt     *http.Transport
}

// ask is one request.
type ask struct {
	method, path string
	header       http.Header
	body         string
	open         bool // goes without the token, as a stranger's
}

func newCaller(base string, token secret.Text, rt *http.Transport) *caller {
	u, _ := url.Parse(base) // checked by who made it
	return &caller{base: base, origin: u.Scheme + "://" + u.Host, token: token, rt: rt}
}

func (c *caller) close() { c.rt.CloseIdleConnections() }

// follow sends a request, and again to where answers point, as long as that is the same host. The token and the ask's
// own headers go to the base URL's origin alone.
func (c *caller) follow(ctx context.Context, a ask) Call {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var met []Redirect
	at := c.base + a.path
	for {
		call, location := c.once(ctx, a, at)
		if location != "" {
			met = append(met, Redirect{From: at, To: location, Status: call.Status})
		}
		call.Redirects = met
		if location == "" || len(met) >= maxRedirects || !sameName(at, location) {
			return call
		}
		at = location
	}
}

func sameName(a, b string) bool {
	ua, err1 := url.Parse(a)
	ub, err2 := url.Parse(b)
	return err1 == nil && err2 == nil && strings.EqualFold(ua.Hostname(), ub.Hostname()) && strings.HasPrefix(ub.Scheme, "http")
}

// once sends a request and reads the answer. location is where that points, "" for nowhere.
func (c *caller) once(ctx context.Context, a ask, at string) (call Call, location string) {
	res := c.send(ctx, &call, a, at, strings.NewReader(a.body), int64(len(a.body)))
	if res == nil {
		return call, ""
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer)) // what came counts
	call.Got = time.Now()
	call.Body = strings.ToValidUTF8(string(body[:min(len(body), keptBody)]), "")
	call.Whoami = readWhoami(res, body)
	if res.StatusCode/100 == 3 {
		if u, err := res.Location(); err == nil {
			location = u.String()
		}
	}
	return call, location
}

// send sends a request and notes how it went. It returns nil when no answer came, which call tells.
func (c *caller) send(ctx context.Context, call *Call, a ask, at string, body io.Reader, length int64) *http.Response {
	call.URL, call.Sent = at, time.Now()
	req, err := http.NewRequestWithContext(c.watched(ctx, call), a.method, at, body)
	if err != nil {
		call.Failure = Failure{"other", err.Error()}
		return nil
	}
	req.ContentLength = length
	if length == 0 {
		req.Body = http.NoBody
	}
	if own := req.URL.Scheme + "://" + req.URL.Host; own == c.origin {
		maps.Copy(req.Header, a.header)
		if !a.open {
			maps.Copy(req.Header, tokenOf(c.token))
		}
	}
	res, err := c.rt.RoundTrip(req)
	call.Got = time.Now()
	if err != nil {
		call.Failure = failureOf(err)
		return nil
	}
	call.Status, call.Server = res.StatusCode, res.Header.Get("Server")
	return res
}

// watched notes the connection's two ends.
func (c *caller) watched(ctx context.Context, call *Call) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if local, err := netip.ParseAddrPort(info.Conn.LocalAddr().String()); err == nil {
			call.Local = local.Addr().Unmap().WithZone("")
		}
		if remote, err := netip.ParseAddrPort(info.Conn.RemoteAddr().String()); err == nil {
			call.Remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
		}
	}})
}

// readWhoami returns the gateway's answer, nil when it is another's.
func readWhoami(res *http.Response, body []byte) *Whoami {
	w := &Whoami{}
	if res.StatusCode != http.StatusOK || json.Unmarshal(body, w) != nil || w.Peer == "" || w.Status == "" {
		return nil
	}
	return w
}

func headerOf(pairs [][2]string) http.Header {
	h := http.Header{}
	for _, p := range pairs {
		h[p[0]] = append(slices.Clone(h[p[0]]), p[1]) // as it is spelled
	}
	return h
}
