package remote

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net"
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
	name  string
	url   *url.URL
	fixed http.Header // configured
	host  string      // of the Host header, if configured
	pool  *pool
	max   int
	log   *slog.Logger
	trace trace.Observer // nil: none
	heads heads
	post  form // what every POST to url is made of
}

func newEndpoint(o Options) (*endpoint, error) {
	u, err := parseURL(o)
	if err != nil {
		return nil, err
	}
	e := &endpoint{name: o.Name, fixed: http.Header{"User-Agent": {"1mcp"}}, max: o.MaxMessage, log: o.Log, trace: o.Trace}
	if user := u.User; user != nil {
		password, _ := user.Password()
		e.fixed.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
		u.User = nil
	}
	e.url = u
	if err := e.addHeaders(o); err != nil {
		return nil, err
	}
	e.pool = o.Sockets.pool(o, u, e.host)
	e.post = *e.postTo(u)
	return e, nil
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

// send sends a letter and follows redirects within its origin. The error is a fault.
func (e *endpoint) send(ctx context.Context, l letter) (answer, error) {
	for range maxRedirects {
		a, err := e.pool.send(ctx, l)
		if err != nil {
			return answer{}, e.broken(err)
		}
		if a.code < 300 || a.code > 399 {
			return a, nil
		}
		a.discard()
		to, err := e.redirect(l.to, a)
		if err != nil {
			return answer{}, err
		}
		l.form = e.moved(l.form, to)
	}
	return answer{}, fault.New(fault.Unavailable, "backend %q redirects without end", e.name).
		WithHint("set its url to the address of its MCP endpoint")
}

// redirect returns where a redirect leads, if that may be followed.
func (e *endpoint) redirect(from *url.URL, a answer) (*url.URL, error) {
	code := a.code
	to, err := from.Parse(a.header.Get("Location"))
	if err != nil || code != http.StatusTemporaryRedirect && code != http.StatusPermanentRedirect {
		return nil, fault.New(fault.Unavailable, "backend %q answered with a redirect (HTTP status %d)", e.name, code).
			WithHint("set its url to the address of its MCP endpoint").WithCause(status(a, nil))
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
	return strings.ToLower(u.Scheme + "://" + u.Hostname() + ":" + port(u))
}

// address returns where a URL is dialled.
func address(u *url.URL) string { return net.JoinHostPort(u.Hostname(), port(u)) }

func port(u *url.URL) string {
	switch port := u.Port(); {
	case port != "":
		return port
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}
