package remote_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/remote"
)

// old is an HTTP+SSE server for one client at a time.
type old struct {
	endpoint string                                      // what the endpoint event says
	refuse   int                                         // the status of a POST to the stream's URL
	call     func(m *mcp.Message)                        // a request after the opening; nil: an empty result
	accept   func(w http.ResponseWriter, m *mcp.Message) // answers a POST; nil: 202

	log backend                               // records only
	out chan func(w http.ResponseWriter) bool // what the stream does next; false ends it
}

func newOld() *old {
	return &old{endpoint: "messages?s=1", refuse: 405, out: make(chan func(http.ResponseWriter) bool, 1000)}
}

func (o *old) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	o.log.record(record{r.Method, r.Header, string(body)})
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/a/sse":
		events(w, "event: endpoint\ndata: "+o.endpoint)
		o.stream(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/a/messages" && r.URL.RawQuery == "s=1":
		m, err := mcp.Scan(body)
		if err != nil {
			panic(err)
		}
		if o.accept != nil {
			o.accept(w, &m)
		} else {
			w.WriteHeader(http.StatusAccepted)
		}
		o.handle(&m)
	default:
		w.WriteHeader(o.refuse)
	}
}

func (o *old) handle(m *mcp.Message) {
	switch {
	case m.Method == mcp.MethodInitialize:
		o.send(result(m, `{"protocolVersion":"2024-11-05","capabilities":{}}`))
	case m.Kind != mcp.Request:
	case o.call != nil:
		o.call(m)
	default:
		o.send(result(m, `{}`))
	}
}

func (o *old) stream(w http.ResponseWriter, r *http.Request) {
	for {
		select {
		case <-r.Context().Done():
			return
		case next := <-o.out:
			if !next(w) {
				return
			}
		}
	}
}

func (o *old) send(lines ...string) {
	o.out <- func(w http.ResponseWriter) bool {
		for _, line := range lines {
			events(w, "event: message\ndata: "+line)
		}
		return true
	}
}

func dialOld(t *testing.T, o *old, change ...options) *link {
	t.Helper()
	return dial(t, serve(t, o).URL+"/a/sse", append([]options{kind(remote.SSE)}, change...)...)
}

func TestOldTransport(t *testing.T) {
	t.Parallel()
	o := newOld()
	o.call = func(m *mcp.Message) {
		o.send(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}`, m.IDBytes()),
			`{"jsonrpc":"2.0","id":"q","method":"roots/list"}`, result(m, `{"a":1.0}`))
	}
	l := dialOld(t, o)
	if l.info.Era != mcp.Legacy || l.info.Version != "2024-11-05" || l.info.Session {
		t.Errorf("opened as %+v", l.info)
	}
	m, up, err := l.do(t.Context())
	if err != nil || string(m.Bytes(m.Result)) != `{"a":1.0}` {
		t.Fatalf("got %s, %v", m.Raw, err)
	}
	get(t, up.notes)
	a := get(t, up.asks)
	a.answer(mcp.AppendResult(nil, a.id, []byte(`{"roots":[]}`)))
	o.log.await(t, holds(`"roots":[]`))
	o.send(`{"jsonrpc":"2.0","method":"notifications/message","params":{}}`)
	get(t, l.up.notes)
	l.stop()
	if err := l.end(); err != nil {
		t.Errorf("Run returned %v", err)
	}
}

func TestOldTransportKeepsCallsApart(t *testing.T) {
	t.Parallel()
	o := newOld()
	l := dialOld(t, o)
	var running sync.WaitGroup
	for range 100 {
		running.Go(func() {
			r := l.request()
			if m, err := l.Call(t.Context(), r, newSink()); err != nil || string(m.IDBytes()) != fmt.Sprint(r.ID) {
				t.Errorf("call %d: %s, %v", r.ID, m.Raw, err)
			}
		})
	}
	running.Wait()
}

func TestOldTransportCancel(t *testing.T) {
	t.Parallel()
	o := newOld()
	o.call = func(*mcp.Message) {}
	l := dialOld(t, o)
	p := l.begin()
	o.log.await(t, holds("tools/call"))
	why := errors.New("enough")
	p.cancel(why)
	if get(t, p.done); !errors.Is(p.err, why) {
		t.Errorf("got %v", p.err)
	}
	o.log.await(t, holds(fmt.Sprintf(`"requestId":%d`, l.ids.Load())))
}

func TestOldTransportLost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		lose func(o *old)
		kind fault.Kind
		says string
	}{
		{"stream ends", func(o *old) { o.out <- func(http.ResponseWriter) bool { return false } }, fault.Unavailable, "has closed the connection ("},
		{"stream is reset", func(o *old) { o.out <- func(w http.ResponseWriter) bool { reset(w); return false } }, fault.Unavailable, "has closed the connection ("},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := newOld()
			o.call = func(*mcp.Message) { tt.lose(o) }
			l := dialOld(t, o)
			_, _, err := l.do(t.Context())
			ended := l.end()
			for _, err := range []error{err, ended} {
				if fault.KindOf(err) != tt.kind || !strings.Contains(fault.Public(err), tt.says) {
					t.Errorf("got %v: %v", fault.KindOf(err), err)
				}
			}
			if _, _, err := l.do(t.Context()); fault.KindOf(err) != tt.kind {
				t.Errorf("a later call ended with %v", err)
			}
		})
	}
}

func TestOldTransportFaultsOfAPost(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]fault.Kind{401: fault.Unauthorized, 500: fault.Unavailable, 404: fault.Unavailable} {
		o := newOld()
		o.accept = func(w http.ResponseWriter, m *mcp.Message) {
			if m.Method == mcp.MethodToolsCall {
				w.WriteHeader(code)
			}
		}
		o.call = func(*mcp.Message) {}
		l := dialOld(t, o)
		if _, _, err := l.do(t.Context()); fault.KindOf(err) != want || errors.Is(err, upstream.ErrSessionLost) != (code == 404) {
			t.Errorf("%d: got %v", code, err)
		}
		if code == 404 {
			if err := l.end(); !errors.Is(err, upstream.ErrSessionLost) {
				t.Errorf("Run returned %v", err)
			}
		}
	}
}

func TestOldTransportSpoiltAnswer(t *testing.T) {
	t.Parallel()
	o := newOld()
	o.call = func(m *mcp.Message) {
		o.send(`{"jsonrpc":"2.0","id":` + string(m.IDBytes()) + `,"result":{},"result":{}}`)
	}
	if _, _, err := dialOld(t, o).do(t.Context()); fault.KindOf(err) != fault.Malformed || !strings.Contains(err.Error(), "stands twice") {
		t.Errorf("got %v", err)
	}
}

func TestOldTransportOversizedMessage(t *testing.T) {
	t.Parallel()
	const limit = 1 << 12
	long := `"` + strings.Repeat("x", 1<<15) + `"`
	tests := []struct {
		name  string
		say   func(id string) string
		fails bool // the call that is going on all the while
	}{
		{"id in front", func(id string) string { return `{"jsonrpc":"2.0","id":` + id + `,"result":` + long + `}` }, false},
		{"id at the end", func(id string) string { return `{"result":` + long + `,"jsonrpc":"2.0","id":` + id + `}` }, false},
		{"id behind an error", func(id string) string {
			return `{"error":{"id":1,"message":` + long + `},"id":` + id + `,"jsonrpc":"2.0"}`
		}, false},
		{"barely over", func(id string) string { return `{"jsonrpc":"2.0","id":` + id + `,"result":` + long[:limit-10] + `"}` }, false},
		{"id nowhere", func(string) string { return long }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := newOld()
			var first atomic.Uint64 // the id of the call that is going on
			o.call = func(m *mcp.Message) {
				if id, _ := m.IntID(); id == first.Load() {
					return
				}
				o.send(tt.say(string(m.IDBytes())))
				if !tt.fails {
					o.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{}}`, first.Load()))
				}
			}
			l := dialOld(t, o, func(ro *remote.Options, _ *upstream.Opening) { ro.MaxMessage = limit })
			first.Store(l.ids.Load() + 1)
			other := l.begin()
			o.log.await(t, holds(`tools/call`))
			if _, _, err := l.do(t.Context()); fault.KindOf(err) != fault.TooLarge {
				t.Errorf("got %v", err)
			}
			get(t, other.done)
			if fails := fault.KindOf(other.err) == fault.TooLarge; fails != tt.fails || !fails && other.err != nil {
				t.Errorf("the other call ended with %v", other.err)
			}
		})
	}
}

func TestOldTransportOpening(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another origin got %s", r.Method)
	}))
	tests := []struct {
		name, endpoint, says string
	}{
		{"another origin", elsewhere.URL + "/messages", "wants messages sent to another origin, " + elsewhere.URL},
		{"another scheme", "https:messages", "wants messages sent to another origin"},
		{"another host", "//localhost/messages", "wants messages sent to another origin"},
		{"no URL", "http://[", "named an endpoint that is no URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := newOld()
			o.endpoint = tt.endpoint
			l, _ := connect(t, serve(t, o).URL+"/a/sse", kind(remote.SSE))
			if err := l.end(); !strings.Contains(fault.Public(err), tt.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	l, _ := connect(t, serve(t, newOld()).URL+"/a/sse", kind(remote.SSE), func(_ *remote.Options, o *upstream.Opening) { o.Era = mcp.Modern })
	if err := l.end(); !strings.Contains(fault.Public(err), "carries no version 2026-07-28") {
		t.Errorf("got %v", err)
	}
	first := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { events(w, "data: {}") })
	l, _ = connect(t, serve(t, first).URL, kind(remote.SSE))
	if err := l.end(); !strings.Contains(fault.Public(err), "without an endpoint event") {
		t.Errorf("got %v", err)
	}
}

func TestAutoFindsTheOldTransport(t *testing.T) {
	t.Parallel()
	for _, code := range []int{400, 404, 405} {
		o := newOld()
		o.refuse = code
		l := dial(t, serve(t, o).URL+"/a/sse", kind(remote.Auto))
		if _, _, err := l.do(t.Context()); err != nil || l.info.Version != "2024-11-05" {
			t.Errorf("%d: %+v, %v", code, l.info, err)
		}
	}
}

func TestAutoRemembers(t *testing.T) {
	t.Parallel()
	o := newOld()
	s := serve(t, o)
	d, err := remote.New(remote.Options{Name: "files", URL: s.URL + "/a/sse"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		l := newLink(t)
		opening := upstream.Opening{Timeout: patience, NextID: func() uint64 { return 1 }, Client: mcp.ClientMeta{Info: []byte(`{}`)}}
		get(t, l.run(d.Connect(opening, l.up)))
		l.stop()
		if err := l.end(); err != nil {
			t.Fatal(err)
		}
	}
	if n := o.log.count(holds("server/discover")); n != 1 {
		t.Errorf("probed %d times", n)
	}
}

func TestAutoStaysWithStreamableHTTP(t *testing.T) {
	t.Parallel()
	b := &backend{session: "s-1"}
	if l := dial(t, serve(t, b).URL, kind(remote.Auto)); !l.info.Session {
		t.Errorf("opened as %+v", l.info)
	}
}

// TestOldTransportCallsInFlightOfALostSession: one POST finds out that the session is gone. The server has not looked at that one; the
// others it may have begun, so nobody must take them for calls that can be made again.
func TestOldTransportCallsInFlightOfALostSession(t *testing.T) {
	t.Parallel()
	o := newOld()
	taken := make(chan struct{}, 2)
	o.call = func(*mcp.Message) { taken <- struct{}{} }
	var gone atomic.Bool
	o.accept = func(w http.ResponseWriter, _ *mcp.Message) {
		if gone.Load() {
			w.WriteHeader(http.StatusNotFound)
		} else {
			w.WriteHeader(http.StatusAccepted)
		}
	}
	l := dialOld(t, o)
	first := l.begin()
	get(t, taken)
	gone.Store(true)
	if _, _, err := l.do(t.Context()); !errors.Is(err, upstream.ErrSessionLost) {
		t.Errorf("the call that was not taken ended with %v", err)
	}
	<-first.done
	if fault.KindOf(first.err) != fault.Unavailable || errors.Is(first.err, upstream.ErrSessionLost) {
		t.Errorf("the call in flight ended with %v", first.err)
	}
}
