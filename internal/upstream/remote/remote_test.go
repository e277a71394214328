package remote_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/remote"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience ends a test that waits for what does not happen.
const patience = 20 * time.Second

// backend is an HTTP server that opens as a legacy or modern MCP server and leaves the rest to
// the test.
type backend struct {
	modern  bool
	session string                                                            // handed out by a legacy one
	call    func(w http.ResponseWriter, r *http.Request, m *mcp.Message)      // a request; nil: an empty result
	note    func(w http.ResponseWriter, r *http.Request, m *mcp.Message)      // a notification or answer; nil: 202
	get     func(w http.ResponseWriter, r *http.Request)                      // nil: 405
	open    func(w http.ResponseWriter, r *http.Request, m *mcp.Message) bool // takes an opening request, if it wants

	quiet bool // keeps no log

	mu   sync.Mutex
	log  []record
	news chan struct{} // closed and made anew with each record
}

// record is one request that came in.
type record struct {
	method string
	header http.Header
	body   string
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		b.record(record{r.Method, r.Header, ""})
		switch {
		case r.Method == http.MethodGet && b.get != nil:
			b.get(w, r)
		case r.Method == http.MethodGet:
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
		return
	}
	body, err := io.ReadAll(r.Body)
	m, scanErr := mcp.Scan(body)
	if err != nil || scanErr != nil {
		http.Error(w, "not a message", http.StatusBadRequest)
		return
	}
	b.record(record{r.Method, r.Header, string(body)})
	b.post(w, r, &m)
}

func (b *backend) post(w http.ResponseWriter, r *http.Request, m *mcp.Message) {
	opening := m.Method == mcp.MethodDiscover || m.Method == mcp.MethodInitialize
	switch {
	case opening && b.open != nil && b.open(w, r, m):
	case m.Method == mcp.MethodDiscover && b.modern:
		answer(w, m, `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{}}`)
	case m.Method == mcp.MethodDiscover:
		http.Error(w, "no session", http.StatusBadRequest)
	case m.Method == mcp.MethodInitialize:
		if b.session != "" {
			w.Header().Set(mcp.HeaderSession, b.session)
		}
		answer(w, m, `{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"b","version":"1"}}`)
	case m.Kind != mcp.Request && b.note != nil:
		b.note(w, r, m)
	case m.Kind != mcp.Request:
		w.WriteHeader(http.StatusAccepted)
	case b.call != nil:
		b.call(w, r, m)
	default:
		answer(w, m, `{}`)
	}
}

func (b *backend) record(r record) {
	if b.quiet {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, r)
	if b.news != nil {
		close(b.news)
		b.news = nil
	}
}

// await returns the first request that matches, and waits for it.
func (b *backend) await(t testing.TB, matches func(record) bool) record {
	t.Helper()
	late := time.After(patience)
	for at := 0; ; {
		b.mu.Lock()
		log, news := b.log[at:], b.news
		at = len(b.log)
		if news == nil {
			news = make(chan struct{})
			b.news = news
		}
		b.mu.Unlock()
		for _, r := range log {
			if matches(r) {
				return r
			}
		}
		select {
		case <-news:
		case <-late:
			t.Fatal("the request has not come")
		}
	}
}

func (b *backend) count(matches func(record) bool) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.log {
		if matches(r) {
			n++
		}
	}
	return n
}

func holds(text string) func(record) bool {
	return func(r record) bool { return strings.Contains(r.body, text) }
}

func isMethod(method string) func(record) bool {
	return func(r record) bool { return r.method == method }
}

// answer writes a result as one JSON body.
func answer(w http.ResponseWriter, m *mcp.Message, result string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(mcp.AppendResult(nil, m.IDBytes(), []byte(result)))
}

// result is the answer to m as a text.
func result(m *mcp.Message, result string) string {
	return string(mcp.AppendResult(nil, m.IDBytes(), []byte(result)))
}

// events writes events and flushes them.
func events(w http.ResponseWriter, lines ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, line := range lines {
		_, _ = io.WriteString(w, line+"\n\n")
	}
	_ = http.NewResponseController(w).Flush()
}

// sink gathers what comes up.
type sink struct {
	notes chan string
	asks  chan ask
}

type ask struct {
	text   string
	id     []byte
	answer func([]byte)
}

func newSink() *sink { return &sink{make(chan string, 100), make(chan ask, 100)} }

func (s *sink) Notify(m *mcp.Message) { s.notes <- string(m.Raw) }

func (s *sink) Ask(m *mcp.Message, answer func([]byte)) {
	s.asks <- ask{string(m.Raw), append([]byte(nil), m.IDBytes()...), answer}
}

// link is a running connection.
type link struct {
	upstream.Conn
	t     testing.TB
	info  upstream.Info
	up    *sink
	ids   *atomic.Uint64
	stop  context.CancelFunc
	ended chan error
}

// options changes what a connection is made with.
type options func(*remote.Options, *upstream.Opening)

func kind(k remote.Kind) options {
	return func(o *remote.Options, _ *upstream.Opening) { o.Kind = k }
}

// serve starts a server that ends with the test.
func serve(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func newLink(t testing.TB) *link {
	return &link{t: t, up: newSink(), ids: new(atomic.Uint64), ended: make(chan error, 1)}
}

// connect runs a connection to url without waiting for it to open.
func connect(t testing.TB, url string, change ...options) (l *link, ready <-chan upstream.Info) {
	t.Helper()
	l = newLink(t)
	ro := remote.Options{Name: "files", URL: url, Kind: remote.HTTP}
	o := upstream.Opening{Timeout: patience, NextID: l.next, Client: mcp.ClientMeta{Info: []byte(`{"name":"g","version":"1"}`)}}
	for _, c := range change {
		c(&ro, &o)
	}
	d, err := remote.New(ro)
	if err != nil {
		t.Fatal(err)
	}
	return l, l.run(d.Connect(o, l.up))
}

func (l *link) run(c upstream.Conn) <-chan upstream.Info {
	l.Conn = c
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	ready := make(chan upstream.Info, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.ended <- c.Run(ctx, func(i upstream.Info) { ready <- i })
	}()
	l.t.Cleanup(func() {
		stop()
		<-done
	})
	return ready
}

// dial runs a connection to url and waits until it is open.
func dial(t testing.TB, url string, change ...options) *link {
	t.Helper()
	l, ready := connect(t, url, change...)
	select {
	case l.info = <-ready:
	case err := <-l.ended:
		t.Fatalf("not opened: %v", err)
	}
	return l
}

// end waits for the end of Run.
func (l *link) end() error {
	l.t.Helper()
	select {
	case err := <-l.ended:
		return err
	case <-time.After(patience):
		l.t.Fatal("Run has not returned")
		return nil
	}
}

func (l *link) next() uint64 { return l.ids.Add(1) }

// request returns a tools/call with our id as progress token.
func (l *link) request() *upstream.Request {
	id := l.next()
	params := fmt.Sprintf(`{"name":"t","_meta":{"progressToken":%d}}`, id)
	return &upstream.Request{
		ID: id, Method: mcp.MethodToolsCall, Name: "t", Owner: "me",
		Body: mcp.AppendRequest(nil, id, mcp.MethodToolsCall, []byte(params)),
	}
}

// do makes one call with an upward sink of its own.
func (l *link) do(ctx context.Context) (mcp.Message, *sink, error) {
	up := newSink()
	m, err := l.Call(ctx, l.request(), up)
	return m, up, err
}

// pending is a call in the background.
type pending struct {
	up     *sink
	cancel context.CancelCauseFunc
	done   chan struct{}
	m      mcp.Message
	err    error
}

func (l *link) begin() *pending {
	ctx, cancel := context.WithCancelCause(context.Background())
	p := &pending{up: newSink(), cancel: cancel, done: make(chan struct{})}
	r := l.request()
	go func() {
		defer close(p.done)
		p.m, p.err = l.Call(ctx, r, p.up)
	}()
	l.t.Cleanup(func() {
		cancel(nil)
		<-p.done
	})
	return p
}

// get takes a value from a channel.
func get[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing has come")
		panic("unreachable")
	}
}
