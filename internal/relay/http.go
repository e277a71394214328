package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"onemcp/internal/fault"
)

const (
	typeJSON   = "application/json"
	typeStream = "text/event-stream"

	maxRefusal   = 64 << 10 // bytes of an error's body that are read
	maxRedirects = 3
)

// newClient returns the client of all requests. It keeps connections, and follows redirects that stay with the origin.
func newClient(o Options) *http.Client {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTime}).DialContext,
		TLSHandshakeTimeout: dialTime,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
		ForceAttemptHTTP2:   true,
	}
	if o.Dial != nil {
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return o.Dial(ctx) }
	}
	return &http.Client{Transport: transport, CheckRedirect: stay}
}

// stay lets a redirect be followed that changes neither the origin nor the method.
func stay(to *http.Request, via []*http.Request) error {
	from := via[0]
	if len(via) > maxRedirects || to.Method != from.Method || to.URL.Scheme != from.URL.Scheme || to.URL.Host != from.URL.Host {
		return http.ErrUseLastResponse
	}
	return nil
}

// send sends a request to the endpoint. The error is a fault that names the gateway, or the cause of ctx.
func (r *Relay) send(ctx context.Context, method string, h http.Header, body []byte) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.o.URL.String(), content)
	if err != nil {
		return nil, fault.New(fault.Internal, "a request could not be made").WithCause(err)
	}
	request.Header.Set("User-Agent", "1mcp")
	for name, value := range r.o.Headers {
		request.Header.Set(name, value.Reveal())
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	for name, values := range h {
		request.Header[name] = values
	}
	if body != nil {
		request.Header.Set("Content-Type", typeJSON)
	}
	if request.Header.Get("Accept") == "" || method == http.MethodPost {
		request.Header.Set("Accept", typeJSON+", "+typeStream)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, r.away(ctx, err)
	}
	return response, nil
}

// away is what a client is told when the gateway cannot be reached.
func (r *Relay) away(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // the outer one shows the URL, which may hold a secret
	}
	return fault.New(fault.Unavailable, "the gateway at %s does not answer: %s", r.o.Shown, reason(err)).
		WithHint("start it with `1mcp serve`, or %s; it is tried again with each request", r.remedy()).WithCause(err)
}

// remedy is what helps when the gateway is not where it is looked for.
func (r *Relay) remedy() string {
	if r.o.Configured {
		return "say with --url where it is"
	}
	return "correct --url"
}

// reason returns what a person may know of a failure.
func reason(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Public
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return "it speaks plain HTTP there, so its address begins with http://"
	}
	if strings.Contains(err.Error(), tlsAlert) {
		return "it speaks TLS there, so its address begins with https://"
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it has closed the connection"
	}
	return err.Error()
}

// mediaType returns the type of a response's body, without parameters.
func mediaType(resp *http.Response) string {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return kind
}

// discard gives up a response so that its connection can be used again.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxRefusal)
	_ = resp.Body.Close()
}

// refused is the error of a status that is no success and brings no message for the client.
func (r *Relay) refused(resp *http.Response) error {
	status := resp.StatusCode
	f := fault.New(fault.Unavailable, "the gateway at %s answers with HTTP status %d", r.o.Shown, status)
	switch {
	case status >= 300 && status < 400:
		return fault.New(fault.Unavailable, "the gateway at %s redirects elsewhere, which is not followed (HTTP status %d)", r.o.Shown, status).
			WithHint("set --url to the address of its MCP endpoint")
	case status == http.StatusUnauthorized:
		f.Kind = fault.Unauthorized
		return f.WithHint("it wants to know who asks: give --header 'Authorization: Bearer ...'")
	case status == http.StatusForbidden:
		f.Kind = fault.Denied
		return f.WithHint("it does not let this client in; see its log")
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		f.Kind = fault.NotFound
		return f.WithHint("there is no MCP endpoint; %s", r.remedy())
	case status == http.StatusBadRequest && r.o.URL.Scheme == "http" && saysTLS(resp.Body):
		return f.WithHint("it wants TLS there: begin --url with https://")
	case status == http.StatusTooManyRequests:
		f.Kind = fault.Busy
		return f.WithHint("%s", retryHint(resp))
	}
	return f.WithHint("see the log of the gateway, or of the proxy in front of it")
}

// tlsAlert is how net/http shows the answer of a server that speaks TLS alone and says so in TLS.
const tlsAlert = `malformed HTTP response "\x15\x03`

// saysTLS reports whether a server says in clear words that it wants TLS, as those of Go, nginx and Apache do.
func saysTLS(body io.Reader) bool {
	text, _ := io.ReadAll(io.LimitReader(body, maxRefusal))
	return bytes.Contains(text, []byte("HTTPS server")) || bytes.Contains(text, []byte("HTTPS port")) ||
		bytes.Contains(text, []byte("SSL-enabled server port"))
}

func retryHint(resp *http.Response) string {
	if after := resp.Header.Get("Retry-After"); after != "" && len(after) < 32 {
		return "try again in " + after + " seconds"
	}
	return "try again later"
}
