package front_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/session"
	"onemcp/internal/tagexpr"
	"onemcp/internal/upstream/stdio"
	"onemcp/internal/upstream/upstreamtest"
)

func TestMain(m *testing.M) { os.Exit(upstreamtest.Main(m)) }

// patience ends a test that waits for what does not happen.
const patience = time.Minute

// serveFunc is a Serve of a test's own; nil, false leaves the request to the real gateway.
type serveFunc func(ctx context.Context, c *gateway.Client, m *mcp.Message, st gateway.Stream) (gateway.Answer, error)

// provoker is the real gateway, in which some methods do what a test needs and no backend can be made to do.
type provoker struct {
	*gateway.Gateway
	serve map[string]serveFunc
}

func (p *provoker) Serve(ctx context.Context, c *gateway.Client, m *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
	serve := p.serve[m.Method]
	if serve == nil {
		return p.Gateway.Serve(ctx, c, m, st)
	}
	if c.Session != nil {
		inflight, err := c.Session.Begin(ctx, m.IDBytes())
		if err != nil {
			return gateway.Answer{}, err
		}
		defer inflight.Finish()
		ctx = inflight.Context()
	}
	return serve(ctx, c, m, st)
}

// failing answers with a fault of the kind that params.name names.
func failing(_ context.Context, _ *gateway.Client, m *mcp.Message, _ gateway.Stream) (gateway.Answer, error) {
	name, _ := m.Text(mcp.FieldName)
	for kind := fault.Internal; kind <= fault.Canceled; kind++ {
		if kind.String() == name {
			return gateway.Answer{}, fault.New(kind, "it is %s", name).WithHint("as asked").WithCause(io.ErrNoProgress)
		}
	}
	switch name {
	case "cancelled":
		return gateway.Answer{}, session.ErrCancelled
	case "ended":
		return gateway.Answer{}, session.ErrEnded
	case "deadline":
		return gateway.Answer{}, context.DeadlineExceeded
	case "panic":
		panic("as asked")
	}
	return gateway.Answer{}, io.ErrNoProgress
}

func result(m *mcp.Message, raw string) gateway.Answer {
	return gateway.Answer{Body: mcp.AppendResult(nil, m.IDBytes(), []byte(raw))}
}

func note(text string) []byte {
	return mcp.AppendNotification(nil, mcp.NoteMessage, []byte(`{"level":"info","data":"`+text+`"}`))
}

// rig is a front before a gateway.
type rig struct {
	front    *front.Front
	gateway  *provoker
	sessions *session.Table
}

// newRig wires a front and runs what is behind it until the test's end. o and s hold what the test
// wants to be otherwise.
func newRig(t *testing.T, o front.Options, s gateway.Setup, excuses ...mcptest.Excuse) *rig {
	t.Helper()
	o.Trace = mcptest.Watch(t, excuses...)
	return newUnwatched(t, o, s)
}

// newUnwatched is newRig without anybody who wants to see messages whole.
func newUnwatched(t *testing.T, o front.Options, s gateway.Setup) *rig {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	sessions := session.NewTable(session.Limits{Max: 100})
	g := &provoker{
		Gateway: gateway.New(gateway.Options{Version: "1.2.3", Log: log, Sessions: sessions, Drain: patience}, s),
		serve:   map[string]serveFunc{"test/fail": failing},
	}
	t.Cleanup(run(g.Run))
	t.Cleanup(run(sessions.Run))
	o.Gateway, o.Sessions, o.Version = g, sessions, "1.2.3"
	return &rig{front: front.New(o), gateway: g, sessions: sessions}
}

// run runs a part and returns what stops it and waits for its end.
func run(part func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = part(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// backend describes the scripted server as a child process.
func backend(t *testing.T, name string, tags ...string) gateway.Spec {
	t.Helper()
	command, env := upstreamtest.Script{}.Command(t)
	return gateway.Spec{
		Name: name, Identity: name, Tags: tags, Local: true,
		ConnectionTimeout: patience, RequestTimeout: patience,
		Driver: stdio.Driver{Options: stdio.Options{Name: name, Command: command, Env: env, Trace: mcptest.Watch(t)}},
	}
}

// presets is what the setups of these tests have.
func presets(t *testing.T) map[string]tagexpr.Expr {
	t.Helper()
	expr, err := tagexpr.Parse("red")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]tagexpr.Expr{"reds": expr}
}

// listen serves the rig on a socket and returns its URL.
func (r *rig) listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.serve(t, l)
	return "http://" + l.Addr().String()
}

// pipe serves the rig on connections in memory, whose time a bubble can advance, and returns what dials.
func (r *rig) pipe(t *testing.T) (dial func() net.Conn) {
	t.Helper()
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	r.serve(t, l)
	return func() net.Conn {
		client, conn := net.Pipe()
		l.conns <- conn
		return client
	}
}

// serve serves the rig on a listener.
func (r *rig) serve(t *testing.T, l net.Listener) {
	base, cut := context.WithCancel(context.Background())
	server := front.Server(base, used(r.front), slog.New(slog.DiscardHandler), 0)
	stop := run(func(context.Context) error { return server.Serve(l) })
	t.Cleanup(func() {
		cut()
		run(r.sessions.Run)() // ends all sessions, and with them their calls
		_ = server.Close()
		stop()
	})
}

// used passes requests to h, and has none be of any use after h has returned: whoever keeps one is told by the race detector.
func used(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(r.Context())
		defer func() { *r = http.Request{} }()
		h.ServeHTTP(w, r)
	})
}

type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// client speaks HTTP to a rig.
type client struct {
	t       *testing.T
	url     string
	http    *http.Client
	session string
}

func newClient(t *testing.T, url string) *client {
	c := &client{t: t, url: url, http: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// pipeClient is a client over connections in memory.
func pipeClient(t *testing.T, dial func() net.Conn) *client {
	c := &client{t: t, url: "http://localhost", http: &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(), nil },
	}}}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// do sends a request; header is pairs, and an empty value takes one of the usual headers away.
func (c *client) do(ctx context.Context, method, path, body string, header ...string) *http.Response {
	c.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json, text/event-stream")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.session != "" {
		req.Header.Set("Mcp-Session-Id", c.session)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp
}

// post posts a message to /mcp.
func (c *client) post(ctx context.Context, body string) *http.Response {
	c.t.Helper()
	return c.do(ctx, http.MethodPost, "/mcp", body)
}

const hello = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`

// open opens a session.
func (c *client) open() {
	c.t.Helper()
	resp := c.post(c.t.Context(), hello)
	read(c.t, resp)
	if c.session = resp.Header.Get("Mcp-Session-Id"); c.session == "" {
		c.t.Fatalf("initialize opened no session: %s", resp.Status)
	}
}

// read reads a whole answer.
func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("after %q: %v", body, err)
	}
	return string(body)
}

// line reads one line of a stream.
func line(t *testing.T, in *bufio.Reader) string {
	t.Helper()
	text, err := in.ReadString('\n')
	if err != nil {
		t.Fatalf("after %q: %v", text, err)
	}
	return strings.TrimSuffix(text, "\n")
}

// block reads an event or comment of a stream.
func block(t *testing.T, in *bufio.Reader) string {
	t.Helper()
	var all []string
	for {
		text := line(t, in)
		if text == "" {
			return strings.Join(all, "\n")
		}
		all = append(all, text)
	}
}

// event is a message on a stream.
type event struct{ id, data string }

// next reads the next event that has data.
func next(t *testing.T, in *bufio.Reader) (e event) {
	t.Helper()
	for e.data == "" {
		e = event{}
		for text := range strings.SplitSeq(block(t, in), "\n") {
			name, value, _ := strings.Cut(text, ": ")
			switch name {
			case "id":
				e.id = value
			case "data":
				e.data = value
			}
		}
	}
	return e
}

// receive takes a value from a channel; it fails the test if none comes.
func receive[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// TestEveryMessageIsHeldAgainstItsSchema shows whether the tests of this package do so.
func TestEveryMessageIsHeldAgainstItsSchema(t *testing.T) {
	t.Parallel()
	mcptest.Need(t)
}
