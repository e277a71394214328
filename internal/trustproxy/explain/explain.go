package explain

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"onemcp/internal/trustproxy"
)

// Options says what to explain and how to show it.
type Options struct {
	Stdin bool // read requests from the input, one JSON object a line; Request is not used
	JSON  bool // show Request's answer as JSON; with Stdin the answers always are

	TrustProxy string // the setting as text; blank means not set
	Request    Request

	// Load brings the contents of a file: or dns: list. Nil, or an error, makes a setting
	// that names one a refused value.
	Load func(trustproxy.Source) (trustproxy.Entries, error)
}

// Request is the request to explain.
type Request struct {
	Remote  string      // the socket's remote address: ip, ip:port, or "@", empty or a path for a unix socket
	TLS     bool        // the connection has TLS
	Host    string      // the Host header; empty: the one among Headers
	Headers [][2]string // name and value, in order, duplicates kept
}

// ParseHeader reads "Name: value" as it is written on a command line.
func ParseHeader(s string) ([2]string, error) {
	name, value, ok := strings.Cut(s, ":")
	if name = strings.TrimSpace(name); !ok || name == "" {
		return [2]string{}, fmt.Errorf("%q is not a header: write 'Name: value'", s)
	}
	return [2]string{name, value}, nil
}

// Run explains one request, or each of the input's, and writes the answers in the same order.
// A refused setting is an answer within a stream; for a single request it is also the error.
func Run(in io.Reader, out io.Writer, o Options) error {
	e := &explainer{load: o.Load, policies: map[string]compiled{}}
	if o.Stdin {
		return e.stream(in, out)
	}
	return e.one(out, o)
}

// one explains a single request.
func (e *explainer) one(out io.Writer, o Options) error {
	p, err := e.compile(o.TrustProxy, trustproxy.ParseText)
	if o.JSON {
		return errors.Join(encode(out, e.answer(p, err, o.Request)), err)
	}
	if err != nil {
		return err
	}
	return writeText(out, p, o.Request)
}

// explainer remembers the settings it compiled, since replayed requests share a few.
type explainer struct {
	load     func(trustproxy.Source) (trustproxy.Entries, error)
	policies map[string]compiled
}

type compiled struct {
	policy *trustproxy.Policy
	err    error
}

// maxPolicies bounds what is remembered.
const maxPolicies = 1000

// line is one request of a stream.
type line struct {
	TrustProxy json.RawMessage `json:"trustProxy"`
	RemoteAddr string          `json:"remoteAddr"`
	TLS        bool            `json:"tls"`
	Host       string          `json:"host"`
	Headers    [][2]string     `json:"headers"`
}

// answer is what is said about one request.
type answer struct {
	Peer     string   `json:"peer"`
	ClientIP *string  `json:"clientIp"`
	Status   string   `json:"status"`
	Degraded bool     `json:"degraded"`
	Hops     int      `json:"hops"`
	Scheme   string   `json:"scheme"`
	Host     string   `json:"host"`
	Flags    []string `json:"flags"`
	Steps    []string `json:"steps"`
}

type configError struct {
	Error string `json:"configError"`
}

type lineError struct {
	Error string `json:"error"`
}

// stream answers line by line. It flushes whenever the input has nothing more at hand, so
// that a program at the other end may wait for an answer before it asks on.
func (e *explainer) stream(in io.Reader, out io.Writer) error {
	r, w := bufio.NewReaderSize(in, 64<<10), bufio.NewWriterSize(out, 64<<10)
	for n := 1; ; n++ {
		text, readErr := r.ReadBytes('\n')
		if readErr != nil && readErr != io.EOF {
			return errors.Join(readErr, w.Flush())
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			if err := encode(w, e.line(n, text)); err != nil {
				return err
			}
		}
		if readErr == io.EOF {
			return w.Flush()
		}
		if err := flushIdle(r, w); err != nil {
			return err
		}
	}
}

// flushIdle flushes w when r has nothing at hand.
func flushIdle(r *bufio.Reader, w *bufio.Writer) error {
	if r.Buffered() > 0 {
		return nil
	}
	return w.Flush()
}

func (e *explainer) line(n int, text []byte) any {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return lineError{fmt.Sprintf("line %d is not a request: %v", n, err)}
	}
	p, err := e.policy(l.TrustProxy)
	return e.answer(p, err, Request{Remote: l.RemoteAddr, TLS: l.TLS, Host: l.Host, Headers: l.Headers})
}

// policy compiles a setting as it stands in the file; nil is not set.
func (e *explainer) policy(raw json.RawMessage) (*trustproxy.Policy, error) {
	if c, ok := e.policies[string(raw)]; ok {
		return c.policy, c.err
	}
	if len(e.policies) >= maxPolicies {
		clear(e.policies)
	}
	p, err := e.compile(string(raw), func(s string) (trustproxy.Setting, error) {
		if s == "" {
			return trustproxy.Default(), nil
		}
		return trustproxy.ParseJSON([]byte(s))
	})
	e.policies[string(raw)] = compiled{p, err}
	return p, err
}

func (e *explainer) compile(text string, parse func(string) (trustproxy.Setting, error)) (*trustproxy.Policy, error) {
	s, err := parse(text)
	if err != nil {
		return nil, err
	}
	loaded := map[trustproxy.Source]trustproxy.Entries{}
	for _, source := range s.Sources() {
		if e.load == nil {
			return nil, fmt.Errorf("trustProxy: %s cannot be read here", source)
		}
		if loaded[source], err = e.load(source); err != nil {
			return nil, fmt.Errorf("trustProxy: %s: %w", source, err)
		}
	}
	return s.Compile(loaded), nil
}

// answer explains one request, or says why its setting is refused.
func (e *explainer) answer(p *trustproxy.Policy, err error, r Request) any {
	if err != nil {
		return configError{err.Error()}
	}
	d, steps := p.Explain(r.input())
	a := answer{Peer: d.PeerText(), Status: d.Status.String(), Degraded: d.Degraded, Hops: d.Hops,
		Scheme: d.Scheme, Host: d.Host, Flags: d.Flags.Names(), Steps: steps}
	if d.Client.IsValid() {
		client := d.Client.String()
		a.ClientIP = &client
	}
	return a
}

// input turns the request into what a server would have read from the wire.
func (r Request) input() trustproxy.Input {
	header := http.Header{}
	var hosts []string
	for _, h := range r.Headers {
		name, value := h[0], strings.Trim(h[1], " \t")
		if strings.EqualFold(name, "Host") {
			hosts = append(hosts, value)
			continue
		}
		header.Add(name, value)
	}
	host := r.Host
	if host == "" {
		host = strings.Join(hosts, ", ") // several are no valid host, as they should not be
	}
	return trustproxy.Input{Peer: r.Remote, TLS: r.TLS, Host: host, Header: header}
}

func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// writeText shows the answer to people.
func writeText(w io.Writer, p *trustproxy.Policy, r Request) error {
	d, steps := p.Explain(r.input())
	var b strings.Builder
	for i, s := range steps {
		fmt.Fprintf(&b, "%2d. %s\n", i+1, s)
	}
	fmt.Fprintf(&b, "\npeer     %s\nclient   %s\nstatus   %s\nhops     %d\naddress  %s://%s\nflags    %s\n",
		d.PeerText(), d.ClientText(), d.Status, d.Hops, d.Scheme, d.Host, orNone(d.Flags.Names()))
	_, err := io.WriteString(w, b.String())
	return err
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
