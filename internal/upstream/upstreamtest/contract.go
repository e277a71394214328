package upstreamtest

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// Backend makes what is under test.
type Backend struct {
	// New returns a driver for a fresh server that follows the script. What it starts
	// ends with t.
	New func(t *testing.T, s Script) upstream.Driver
	// Lines says that all messages share one stream of lines, and that the server is a process.
	Lines bool
}

// Run shows that the drivers of b keep the contract of package upstream.
func Run(t *testing.T, b Backend) {
	t.Run("opening", b.opening)
	for _, era := range []mcp.Era{mcp.Legacy, mcp.Modern} {
		t.Run(era.String(), func(t *testing.T) {
			t.Parallel()
			for name, test := range b.tests(era) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, era)
				})
			}
		})
	}
}

func (b Backend) tests(era mcp.Era) map[string]func(*testing.T, mcp.Era) {
	all := map[string]func(*testing.T, mcp.Era){
		"params and results pass byte for byte":            b.verbatim,
		"an error passes byte for byte":                    b.backendError,
		"each call gets its own progress":                  b.ownProgress,
		"each call gets its own answer":                    b.ownAnswer,
		"a cancelled call returns and the backend is told": b.cancel,
		"a late answer reaches nobody":                     b.lateAnswer,
		"a late log message reaches nobody":                b.lateLog,
		"a message over the limit fails its call alone":    b.tooLarge,
		"the end of the context closes the connection":     b.orderlyEnd,
		"a call needs a connection":                        b.notConnected,
	}
	if era == mcp.Legacy {
		all["a request of the backend goes to its call"] = b.askBack
		all["a request that the backend withdraws"] = b.withdraw
		all["a ping is answered by the connection"] = b.pinged
	}
	if era == mcp.Modern {
		all["a subscription gets what is its own"] = b.listen
	}
	if b.Lines {
		all["the end of the process fails its calls"] = b.crash
		all["lines that are no messages are passed over"] = b.stray
		all["a message that names no call"] = b.attribution
		all["a change of lists belongs to no call"] = b.listsChanged
	}
	return all
}

// ids are unique in the process, as the contract says.
var ids atomic.Uint64

func nextID() uint64 { return ids.Add(1) }

// openingOf is a patient opening in an era.
func openingOf(era mcp.Era) upstream.Opening {
	return upstream.Opening{
		Era:     era,
		Client:  mcp.ClientMeta{Capabilities: []byte(`{}`), Info: []byte(`{"name":"contract","version":"1"}`)},
		Timeout: time.Minute,
		NextID:  nextID,
	}
}

// A link is a connection under test.
type link struct {
	t     *testing.T
	conn  upstream.Conn
	up    *sink
	info  upstream.Info
	close context.CancelFunc
	ended chan error // gets what Run returned
}

// open connects and waits until the connection is ready; it is closed with t.
func (b Backend) open(t *testing.T, s Script, o upstream.Opening) *link {
	t.Helper()
	l := b.start(t, s, o)
	select {
	case l.info = <-l.up.ready:
	case err := <-l.ended:
		t.Fatalf("the connection was not opened: %v", err)
	}
	return l
}

func (b Backend) start(t *testing.T, s Script, o upstream.Opening) *link {
	l := &link{t: t, up: newSink(), ended: make(chan error, 1)}
	l.conn = b.New(t, s).Connect(o, l.up)
	ctx, cancel := context.WithCancel(context.Background())
	l.close = cancel
	var running sync.WaitGroup
	running.Go(func() { l.ended <- l.conn.Run(ctx, func(i upstream.Info) { l.up.ready <- i }) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return l
}

// request builds a tools/call. args is raw JSON; more is raw members for params, with a comma before them.
func (l *link) request(tool, args, more string, owner any) *upstream.Request {
	l.t.Helper()
	text := `{"jsonrpc":"2.0","id":0,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + args + `,"_meta":{"progressToken":0}` + more + `}}`
	m, err := mcp.Scan([]byte(text))
	if err != nil {
		l.t.Fatal(err)
	}
	return l.prepare(&m, owner)
}

func (l *link) prepare(m *mcp.Message, owner any) *upstream.Request {
	r := &upstream.Request{ID: nextID(), Method: m.Method, Name: toolName(m), Owner: owner}
	rewrite := mcp.RequestRewrite{ID: r.ID}
	if l.info.Era == mcp.Modern {
		rewrite.Relabel = mcp.SetLabels
		rewrite.Meta = mcp.ClientMeta{Version: l.info.Version, Info: []byte(`{"name":"contract","version":"1"}`)}
	}
	r.Body = m.RewriteRequest(nil, rewrite)
	return r
}

// call calls a tool that must succeed, and returns its structured content.
func (l *link) call(tool, args string, up upstream.Sink) string {
	l.t.Helper()
	m, err := l.conn.Call(l.t.Context(), l.request(tool, args, "", nil), up)
	if err != nil || m.Kind != mcp.Result {
		l.t.Fatalf("%s: %s, %v", tool, m.Raw, err)
	}
	return string(Structured(&m))
}

// await waits until the server has received a message that holds text.
func (l *link) await(text string) {
	l.t.Helper()
	l.call("await", string(must(json.Marshal(map[string]string{"text": text}))), upstream.Discard{})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A sink keeps what it gets.
type sink struct {
	ready  chan upstream.Info
	notes  chan *mcp.Message
	asks   chan asked
	closed atomic.Bool // what comes now comes too late
	late   atomic.Int32
}

type asked struct {
	m      *mcp.Message
	answer func([]byte)
}

func newSink() *sink {
	return &sink{ready: make(chan upstream.Info, 1), notes: make(chan *mcp.Message, 1000), asks: make(chan asked, 1000)}
}

// Notify implements upstream.Sink.
func (s *sink) Notify(m *mcp.Message) {
	if s.closed.Load() {
		s.late.Add(1)
	}
	s.notes <- m.Clone()
}

// Ask implements upstream.Sink.
func (s *sink) Ask(m *mcp.Message, answer func([]byte)) { s.asks <- asked{m.Clone(), answer} }

// note waits for the next notification.
func (s *sink) note(t *testing.T) *mcp.Message {
	t.Helper()
	select {
	case m := <-s.notes:
		return m
	case <-t.Context().Done():
		return nil
	case <-time.After(time.Minute):
		t.Fatal("waited in vain for a notification")
		return nil
	}
}

// empty fails the test if the sink has got anything that was not taken.
func (s *sink) empty(t *testing.T, whose string) {
	t.Helper()
	select {
	case m := <-s.notes:
		t.Errorf("%s got %s", whose, m.Raw)
	case a := <-s.asks:
		t.Errorf("%s was asked %s", whose, a.m.Raw)
	default:
	}
}
