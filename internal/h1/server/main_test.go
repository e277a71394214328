package server_test

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"onemcp/internal/h1/server"
)

func TestMain(m *testing.M) {
	// net/http waits half a second before it closes on a client that it refused, and Close does not wait for that.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// standard is what a test's server is made of.
func standard(h http.HandlerFunc) *http.Server {
	return &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
}

// serve runs a server on loopback until the test ends, and returns its address.
func serve(tb testing.TB, std *http.Server) (*server.Server, string) {
	tb.Helper()
	s := server.New(std)
	return s, listen(tb, s)
}

// accepting is a server of ours, or of net/http.
type accepting interface {
	Serve(l net.Listener) error
	Close() error
}

func listen(tb testing.TB, s accepting) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	run(tb, s, l)
	return l.Addr().String()
}

// run serves l until the test ends.
func run(tb testing.TB, s accepting, l net.Listener) {
	var all sync.WaitGroup
	all.Go(func() { _ = s.Serve(l) })
	tb.Cleanup(func() {
		_ = s.Close()
		all.Wait()
	})
}

// pipes is a listener whose connections are pipes, for the time of a bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// piped runs a server on pipes, and returns how to connect to it.
func piped(tb testing.TB, std *http.Server) (*server.Server, func() *client) {
	s, l := server.New(std), newPipes()
	run(tb, s, l)
	return s, func() *client {
		ours, theirs := net.Pipe()
		l.conns <- theirs
		return newClient(tb, ours)
	}
}

// client is the client's end of a connection.
type client struct {
	net.Conn
	tb testing.TB
	r  *bufio.Reader
}

func newClient(tb testing.TB, c net.Conn) *client {
	tb.Cleanup(func() { _ = c.Close() })
	return &client{Conn: c, tb: tb, r: bufio.NewReader(c)}
}

func dial(tb testing.TB, address string) *client {
	tb.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	return newClient(tb, c)
}

func (c *client) send(text string) {
	c.tb.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.tb.Fatal(err)
	}
}

// answer reads an answer to its end.
func (c *client) answer() (*http.Response, string, error) {
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// wants reads an answer, which must be whole and have a body.
func (c *client) wants(body string) *http.Response {
	c.tb.Helper()
	resp, got, err := c.answer()
	if err != nil || got != body {
		c.tb.Fatalf("got %q, %v; wanted %q", got, err, body)
	}
	return resp
}

// wantsEnd waits for the end of the connection, before which nothing may come.
func (c *client) wantsEnd() {
	c.tb.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.tb.Errorf("got %q, %v", rest, err)
	}
}

const get = "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"

// echo answers with the body of the request.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_, _ = w.Write(body)
}
