package h1_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"onemcp/internal/h1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a listener whose connections are all played by one script.
type server struct {
	url   string
	conns atomic.Int32
	seen  atomic.Int32 // requests that came whole
	ended chan int     // numbers of connections whose script has ended, from 1

	mu   sync.Mutex
	open []net.Conn
}

// peer is the server's end of one connection.
type peer struct {
	net.Conn
	r *bufio.Reader
	n int // of the connection, from 1
	s *server
}

func serve(tb testing.TB, script func(p *peer)) *server {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &server{url: "http://" + l.Addr().String(), ended: make(chan int, 1<<16)}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			p := &peer{Conn: nc, r: bufio.NewReader(nc), n: int(s.conns.Add(1)), s: s}
			s.mu.Lock()
			s.open = append(s.open, nc)
			s.mu.Unlock()
			all.Go(func() {
				script(p)
				_ = nc.Close()
				s.ended <- p.n
			})
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		for _, c := range s.open {
			_ = c.Close()
		}
		s.mu.Unlock()
		all.Wait()
	})
	return s
}

// request reads one request whole, and reports false when there is none.
func (p *peer) request() (req *http.Request, body string, ok bool) {
	req, err := http.ReadRequest(p.r)
	if err != nil {
		return nil, "", false
	}
	text, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, "", false
	}
	p.s.seen.Add(1)
	return req, string(text), true
}

func (p *peer) say(text string) { _, _ = io.WriteString(p, text) }

// untilClosed reads until the client has closed.
func (p *peer) untilClosed() { _, _ = io.Copy(io.Discard, p.r) }

// plain answers every request with the number of its connection.
func plain(p *peer) {
	for {
		if _, _, ok := p.request(); !ok {
			return
		}
		p.say(numbered(p.n))
	}
}

func numbered(n int) string { return whole(fmt.Sprintf("connection %d", n)) }

func whole(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func options() h1.Options {
	return h1.Options{Dial: (&net.Dialer{}).DialContext, Idle: time.Hour, MaxIdle: 8, MaxHeader: 64 << 10}
}

func transport(tb testing.TB) *client {
	c := newClient(options())
	tb.Cleanup(c.CloseIdleConnections)
	return c
}

// client makes an http.RoundTripper of a Transport to the origin of the first request, so that it can be held to
// net/http's. It spoils the bodies of requests as soon as it may.
type client struct {
	o    h1.Options
	made sync.Once
	t    atomic.Pointer[h1.Transport]
}

func newClient(o h1.Options) *client { return &client{o: o} }

func (c *client) CloseIdleConnections() {
	if t := c.t.Load(); t != nil {
		t.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (c *client) RoundTrip(req *http.Request) (*http.Response, error) {
	c.made.Do(func() {
		if c.o.Address == "" {
			c.o.Address = req.URL.Host
		}
		c.t.Store(h1.New(c.o))
	})
	b := &sent{Closer: io.NopCloser(nil)}
	if req.Body != nil {
		b.text, _ = io.ReadAll(req.Body)
		b.Closer = req.Body
	}
	head, err := h1.NewHead(req.Method, req.URL, req.Host, req.Header)
	if err != nil {
		return nil, err
	}
	_, marked := req.Header["Idempotency-Key"]
	a, err := c.t.Load().Do(req.Context(), &h1.Request{
		Head: head, Body: b.text, Reading: &b.reading, Repeatable: marked || req.Method == http.MethodGet,
	})
	if err != nil {
		b.spoil()
		return nil, err
	}
	if a.Length == 0 {
		b.spoil()
	}
	return &http.Response{StatusCode: a.Status, ContentLength: a.Length, Body: &received{a, b}}, nil
}

// sent is the body of a request.
type sent struct {
	io.Closer
	text    []byte
	reading sync.WaitGroup
	once    sync.Once
}

// spoil waits until nobody reads the body, and changes it.
func (s *sent) spoil() {
	s.once.Do(func() {
		s.reading.Wait()
		clear(s.text)
		_ = s.Close()
	})
}

// received is the body of an answer, at whose end that of its request is spoilt.
type received struct {
	*h1.Answer
	sent *sent
}

// Read implements io.Reader.
func (r *received) Read(p []byte) (int, error) {
	n, err := r.Answer.Read(p)
	if err == io.EOF {
		r.sent.spoil()
	}
	return n, err
}

// Close implements io.Closer.
func (r *received) Close() error {
	err := r.Answer.Close()
	r.sent.spoil()
	return err
}

// tracked is the body of a request that tells whether it is closed.
type tracked struct {
	strings.Reader
	closed chan struct{}
}

func newTracked(text string) *tracked {
	b := &tracked{closed: make(chan struct{})}
	b.Reset(text)
	return b
}

func (b *tracked) Close() error {
	close(b.closed)
	return nil
}

func (b *tracked) isClosed() bool {
	select {
	case <-b.closed:
		return true
	default:
		return false
	}
}

func get(url string) *http.Request { return request(context.Background(), http.MethodGet, url, "") }

// post returns a request that may not be repeated, though its body could be.
func post(url, body string) *http.Request {
	return request(context.Background(), http.MethodPost, url, body)
}

func request(ctx context.Context, method, url, body string) *http.Request {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, r)
	if err != nil {
		panic(err)
	}
	return req
}

// withBody replaces the body of a request.
func withBody(req *http.Request, b *tracked) *http.Request {
	req.Body, req.ContentLength, req.GetBody = b, b.Size(), nil
	return req
}

// outcome is what is seen of an exchange.
type outcome struct {
	status int
	body   string
	err    error // of RoundTrip
	cut    error // of the body
}

func do(rt http.RoundTripper, req *http.Request) outcome {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return outcome{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return outcome{status: resp.StatusCode, body: string(text), cut: err}
}

// wants reports a test's failure unless the body of the answer is want.
func wants(tb testing.TB, got outcome, want string) {
	tb.Helper()
	if got.err != nil || got.cut != nil || got.body != want {
		tb.Errorf("got %d %.100q (%v, %v), wanted %q", got.status, got.body, got.err, got.cut, want)
	}
}

func counts(tb testing.TB, s *server, conns, requests int32) {
	tb.Helper()
	if c, r := s.conns.Load(), s.seen.Load(); c != conns || r != requests {
		tb.Errorf("%d connections and %d requests, wanted %d and %d", c, r, conns, requests)
	}
}

var errGone = errors.New("gone on purpose")
