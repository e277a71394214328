package remote

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"onemcp/internal/fault"
	"onemcp/internal/trace"
)

// maxRedirects is how many redirects one request follows.
const maxRedirects = 3

// An endpoint is a backend's URL with what every request to it carries.
type endpoint struct {
	name   string
	url    *url.URL
	fixed  http.Header // configured
	host   string      // of the Host header, if configured
	sender http.RoundTripper
	pool   *pool
	max    int
	log    *slog.Logger
	trace  trace.Observer // nil: none
	heads  heads
}

func newEndpoint(o Options) (*endpoint, error) {
	u, err := parseURL(o)
	if err != nil {
		return nil, err
	}
	e := &endpoint{name: o.Name, fixed: http.Header{"User-Agent": {"1mcp"}}, max: o.MaxMessage, log: o.Log, trace: o.Trace, pool: newPool(o, u)}
	e.sender = e.pool
	if user := u.User; user != nil {
		password, _ := user.Password()
		e.fixed.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
		u.User = nil
	}
	e.url = u
	return e, e.addHeaders(o)
}

func parseURL(o Options) (*url.URL, error) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil: // the error would show the URL
		return nil, fault.New(fault.Invalid, "the url of backend %q is not valid", o.Name)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fault.New(fault.Invalid, "the url of backend %q must begin with http:// or https:// and name a host", o.Name)
	}
	u.Fragment = ""
	return u, nil
}

func (e *endpoint) addHeaders(o Options) error {
	for name, value := range o.Headers {
		text := value.Reveal()
		if !isToken(name) || strings.ContainsFunc(text, isControl) {
			return fault.New(fault.Invalid, "header %q of backend %q cannot be sent", name, o.Name).
				WithHint("a name is letters, digits and dashes, a value is one line")
		}
		if name = http.CanonicalHeaderKey(name); name == "Host" {
			e.host = text
		} else {
			e.fixed[name] = []string{text}
		}
	}
	return nil
}

func isToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// headers returns the configured headers and more, which wins. The result is shared by many requests and is
// not changed.
func (e *endpoint) headers(more http.Header) http.Header {
	h := make(http.Header, len(e.fixed)+len(more))
	for name, values := range e.fixed {
		h[name] = values
	}
	for name, values := range more {
		h[name] = values
	}
	return h
}

// send sends a request to target and follows redirects within its origin. p may be nil. The error is a
// fault.
func (e *endpoint) send(ctx context.Context, method string, target *url.URL, h http.Header, p *payload) (*http.Response, error) {
	for range maxRedirects {
		resp, err := e.sender.RoundTrip(e.request(ctx, method, target, h, p))
		if err != nil {
			return nil, e.broken(err)
		}
		if resp.StatusCode < 300 || resp.StatusCode > 399 {
			return resp, nil
		}
		discard(resp)
		if target, err = e.redirect(target, resp); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.Unavailable, "backend %q redirects without end", e.name)
}

func (e *endpoint) request(ctx context.Context, method string, target *url.URL, h http.Header, p *payload) *http.Request {
	bare := http.Request{
		Method: method, URL: target, Host: e.host, Header: h,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if p != nil {
		bare.ContentLength = int64(len(p.text))
		bare.Body, bare.GetBody = p.open(), p.reopen
	}
	return bare.WithContext(ctx)
}

// redirect returns where a redirect leads, if that may be followed.
func (e *endpoint) redirect(from *url.URL, resp *http.Response) (*url.URL, error) {
	code := resp.StatusCode
	to, err := from.Parse(resp.Header.Get("Location"))
	if err != nil || code != http.StatusTemporaryRedirect && code != http.StatusPermanentRedirect {
		return nil, fault.New(fault.Unavailable, "backend %q answered with a redirect (HTTP status %d)", e.name, code).
			WithHint("set its url to the address of its MCP endpoint").WithCause(status(resp, nil))
	}
	if !sameOrigin(from, to) {
		return nil, fault.New(fault.Unavailable, "backend %q redirects to another origin, %s", e.name, origin(to)).
			WithHint("if that is right, set its url to the new address")
	}
	to.User, to.Fragment = nil, ""
	return to, nil
}

func sameOrigin(a, b *url.URL) bool { return origin(a) == origin(b) }

// origin returns scheme, host and port of a URL.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" && u.Scheme == "http" {
		port = "80"
	} else if port == "" && u.Scheme == "https" {
		port = "443"
	}
	return strings.ToLower(u.Scheme + "://" + u.Hostname() + ":" + port)
}
