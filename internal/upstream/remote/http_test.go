package remote_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/secret"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/remote"
)

func TestWhatALegacyRequestCarries(t *testing.T) {
	t.Parallel()
	b := &backend{session: "s-1"}
	url := serve(t, b).URL
	l := dial(t, strings.Replace(url, "http://", "http://joe:pw@", 1), func(o *remote.Options, _ *upstream.Opening) {
		o.Headers = map[string]secret.Text{"x-key": secret.New("k"), "accept": secret.New("text/html")}
	})
	if l.info.Era != mcp.Legacy || l.info.Version != "2025-11-25" || !l.info.Session {
		t.Errorf("opened as %+v", l.info)
	}
	if _, _, err := l.do(t.Context()); err != nil {
		t.Fatal(err)
	}
	initialize := b.await(t, holds(`"initialize"`)).header
	if initialize.Get(mcp.HeaderVersion) != "" || initialize.Get(mcp.HeaderSession) != "" {
		t.Errorf("initialize carries %v", initialize)
	}
	for _, text := range []string{"notifications/initialized", "tools/call"} {
		got := b.await(t, holds(text)).header
		for name, want := range map[string]string{
			mcp.HeaderVersion: "2025-11-25",
			mcp.HeaderSession: "s-1",
			"Content-Type":    "application/json",
			"Accept":          "application/json, text/event-stream",
			"X-Key":           "k",
			"Authorization":   "Basic am9lOnB3",
			mcp.HeaderMethod:  "",
			mcp.HeaderName:    "",
			"Idempotency-Key": "",
		} {
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", text, name, got.Get(name), want)
			}
		}
	}
	get := b.await(t, isMethod(http.MethodGet)).header
	if get.Get("Accept") != "text/event-stream" || get.Get(mcp.HeaderSession) != "s-1" || get.Get("Accept-Encoding") != "identity" {
		t.Errorf("GET carries %v", get)
	}
}

func TestWhatAModernRequestCarries(t *testing.T) {
	t.Parallel()
	b := &backend{modern: true, session: "ignored"}
	l := dial(t, serve(t, b).URL)
	if l.info.Era != mcp.Modern || l.info.Session {
		t.Errorf("opened as %+v", l.info)
	}
	r := l.request()
	r.Name, r.Params = "größe", [][2]string{{"Mcp-Param-region", "eu"}}
	if _, err := l.Call(t.Context(), r, newSink()); err != nil {
		t.Fatal(err)
	}
	if err := l.Notify(t.Context(), []byte(`{"jsonrpc":"2.0","method":"notifications/x"}`)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]map[string]string{
		"server/discover": {mcp.HeaderVersion: "2026-07-28", mcp.HeaderMethod: "server/discover", mcp.HeaderName: ""},
		"tools/call": {mcp.HeaderVersion: "2026-07-28", mcp.HeaderMethod: "tools/call",
			mcp.HeaderName: "=?base64?Z3LDtsOfZQ==?=", "Mcp-Param-Region": "eu", mcp.HeaderSession: ""},
		"notifications/x": {mcp.HeaderVersion: "2026-07-28", mcp.HeaderMethod: "notifications/x"},
	} {
		got := b.await(t, holds(text)).header
		for name, value := range want {
			if got.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", text, name, got.Get(name), value)
			}
		}
	}
	if n := b.count(isMethod(http.MethodGet)); n != 0 {
		t.Errorf("a modern backend got %d GET", n)
	}
}

func TestARefusedVersionIsReplacedByOneThatTheBackendNames(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		supported string
		always    bool // it refuses the second attempt as well
		want      mcp.Era
		openings  int
	}{
		"a modern one":                  {`["2026-07-28","2025-11-25"]`, false, mcp.Modern, 2},
		"a modern one, refused again":   {`["2026-07-28"]`, true, mcp.Legacy, 3},
		"legacy ones only":              {`["2025-11-25"]`, true, mcp.Legacy, 2},
		"one that is unknown here":      {`["2031-01-01"]`, true, mcp.Legacy, 2},
		"an error that is not as it is": {`"2026-07-28"`, true, mcp.Legacy, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &backend{modern: true}
			refused := false
			b.open = func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) bool {
				if m.Method != mcp.MethodDiscover || refused && !tt.always {
					return false
				}
				refused = true
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32022,"message":"no","data":{"supported":%s}}}`, m.IDBytes(), tt.supported)
				return true
			}
			l := dial(t, serve(t, b).URL)
			openings := b.count(holds("server/discover")) + b.count(holds(`"initialize"`))
			if l.info.Era != tt.want || openings != tt.openings {
				t.Errorf("%s after %d openings", l.info.Era, openings)
			}
		})
	}
}

func TestAStreamedAnswer(t *testing.T) {
	t.Parallel()
	b := &backend{session: "s-1"}
	b.call = func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) {
		events(w, ": beat",
			fmt.Sprintf(`data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}`, m.IDBytes()),
			`data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":999,"progress":2}}`,
			`data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":1}}`,
			`data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`,
			"event: other\ndata: nothing we know",
			`data: {"jsonrpc":"2.0","id":12345,"result":{"of":"another"}}`,
			"event: message\ndata: "+strings.Replace(result(m, `{"a":1.0}`), `,"result"`, ",\r\ndata: \"result\"", 1),
			"data: "+result(m, `{"a":"a second answer"}`))
	}
	l := dial(t, serve(t, b).URL)
	m, up, err := l.do(t.Context())
	if err != nil || string(m.Bytes(m.Result)) != `{"a":1.0}` {
		t.Fatalf("got %s, %v", m.Raw, err)
	}
	if n := get(t, up.notes); !strings.Contains(n, `"progress":1`) {
		t.Errorf("first came %s", n)
	}
	if n := get(t, up.notes); !strings.Contains(n, "notifications/message") {
		t.Errorf("then came %s", n)
	}
	if len(up.notes) != 0 {
		t.Errorf("%d more than there should be", len(up.notes))
	}
	for _, want := range []string{`"progressToken":999`, "list_changed"} {
		if n := get(t, l.up.notes); !strings.Contains(n, want) {
			t.Errorf("to the connection came %s, wanted %s", n, want)
		}
	}
}

func TestABatchOnAStream(t *testing.T) {
	t.Parallel()
	b := &backend{}
	b.call = func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) {
		events(w, `data: [{"jsonrpc":"2.0","method":"notifications/message","params":{}},`+result(m, `{}`)+`,{"jsonrpc":"2.0","method":"notifications/message","params":{}}]`)
	}
	m, up, err := dial(t, serve(t, b).URL).do(t.Context())
	if err != nil || m.Kind != mcp.Result || len(up.notes) != 1 {
		t.Errorf("%s, %v, %d notes", m.Raw, err, len(up.notes))
	}
}

func TestACompressedAnswer(t *testing.T) {
	t.Parallel()
	b := &backend{}
	b.call = func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, result(m, `{"a":"`+strings.Repeat("x", 1<<16)+`"}`))
		_ = z.Close()
	}
	if m, _, err := dial(t, serve(t, b).URL).do(t.Context()); err != nil || len(m.Raw) < 1<<16 {
		t.Errorf("%d bytes, %v", len(m.Raw), err)
	}
}

func TestARequestOfALegacyBackend(t *testing.T) {
	t.Parallel()
	b := &backend{session: "s-1"}
	b.call = func(w http.ResponseWriter, r *http.Request, m *mcp.Message) {
		events(w, `data: {"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{}}`,
			`data: {"jsonrpc":"2.0","id":7,"method":"ping"}`)
		b.await(t, holds(`"id":"q","result":{"action":"accept"}`))
		b.await(t, holds(`"id":7,"result":{}`))
		events(w, `data: {"jsonrpc":"2.0","id":"w","method":"roots/list"}`,
			`data: {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"w"}}`,
			"data: "+result(m, `{}`))
	}
	l := dial(t, serve(t, b).URL)
	p := l.begin()
	a := get(t, p.up.asks)
	a.answer(mcp.AppendResult(nil, a.id, []byte(`{"action":"accept"}`)))
	a.answer(mcp.AppendResult(nil, a.id, []byte(`{"action":"again"}`)))
	get(t, p.done)
	if p.err != nil || !strings.Contains(get(t, p.up.asks).text, "roots/list") || !strings.Contains(get(t, p.up.notes), `"requestId":"w"`) {
		t.Errorf("the withdrawn request did not come up: %v", p.err)
	}
	sent := b.await(t, holds(`"action":"accept"`))
	if sent.header.Get(mcp.HeaderSession) != "s-1" || b.count(holds(`"again"`)) != 0 {
		t.Errorf("the answer went out with %v, a second one %d times", sent.header, b.count(holds(`"again"`)))
	}
}

func TestAModernBackendMayAskNothing(t *testing.T) {
	t.Parallel()
	b := &backend{modern: true}
	b.call = func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) {
		events(w, `data: {"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{}}`, "data: "+result(m, `{}`))
	}
	if _, up, err := dial(t, serve(t, b).URL).do(t.Context()); err != nil || len(up.asks) != 0 {
		t.Errorf("%v, %d asks", err, len(up.asks))
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for _, modern := range []bool{false, true} {
		gone := make(chan struct{})
		b := &backend{modern: modern, session: "s-1"}
		b.call = func(w http.ResponseWriter, r *http.Request, _ *mcp.Message) {
			events(w, ": begun")
			<-r.Context().Done()
			close(gone)
		}
		l := dial(t, serve(t, b).URL)
		p := l.begin()
		b.await(t, holds("tools/call"))
		why := errors.New("enough")
		p.cancel(why)
		get(t, p.done)
		if !errors.Is(p.err, why) {
			t.Errorf("modern %v: Call returned %v", modern, p.err)
		}
		get(t, gone)
		cancelled := holds("notifications/cancelled")
		if !modern {
			if got := b.await(t, cancelled); !strings.Contains(got.body, fmt.Sprintf(`"requestId":%d`, l.ids.Load())) {
				t.Errorf("cancelled is %s", got.body)
			}
		}
		l.stop()
		if err := l.end(); err != nil || modern && b.count(cancelled) != 0 {
			t.Errorf("modern %v: %v, %d cancellations", modern, err, b.count(cancelled))
		}
	}
}

func TestAnAnswerKeepsItsSocket(t *testing.T) {
	t.Parallel()
	b := &backend{modern: true}
	b.call = func(w http.ResponseWriter, r *http.Request, m *mcp.Message) {
		events(w, "data: "+result(m, `{"from":"`+r.RemoteAddr+`"}`))
	}
	l := dial(t, serve(t, b).URL)
	first, _, err := l.do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	from := string(first.Bytes(first.Result))
	for range 50 { // the end of the first stream may come after the second call has begun
		m, _, err := l.do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Bytes(m.Result)) == from {
			return
		}
	}
	t.Error("no socket was used again")
}

// slowReader answers before it has read the request.
func TestARequestIsNotReadAfterCallHasReturned(t *testing.T) {
	t.Parallel()
	b := &backend{}
	early := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < 1<<20 {
			b.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close")
		http.Error(w, "too much", http.StatusRequestEntityTooLarge)
	})
	l := dial(t, serve(t, early).URL)
	r := l.request()
	r.Body = append(bytes.Repeat([]byte(" "), 8<<20), r.Body...)
	if _, err := l.Call(t.Context(), r, newSink()); err == nil {
		t.Error("no error")
	}
	clear(r.Body) // the race detector tells who still reads
}

func TestARedirectWithinTheOrigin(t *testing.T) {
	t.Parallel()
	b := &backend{session: "s-1"}
	mux := http.NewServeMux()
	mux.Handle("/mcp", http.RedirectHandler("/mcp/", http.StatusTemporaryRedirect))
	mux.Handle("/mcp/", b)
	l := dial(t, serve(t, mux).URL+"/mcp")
	if _, _, err := l.do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.await(t, holds("tools/call")); got.header.Get(mcp.HeaderSession) != "s-1" {
		t.Errorf("the session was lost on the way: %v", got.header)
	}
}

func TestOrderlyClose(t *testing.T) {
	t.Parallel()
	b := &backend{session: "s-1"}
	b.call = func(w http.ResponseWriter, r *http.Request, _ *mcp.Message) { <-r.Context().Done() }
	b.get = func(w http.ResponseWriter, r *http.Request) {
		events(w, ": open")
		<-r.Context().Done()
	}
	l := dial(t, serve(t, b).URL)
	p := l.begin()
	b.await(t, holds("tools/call"))
	b.await(t, isMethod(http.MethodGet))
	l.stop()
	if err := l.end(); err != nil {
		t.Errorf("Run returned %v", err)
	}
	get(t, p.done)
	if fault.KindOf(p.err) != fault.Unavailable {
		t.Errorf("the call ended with %v", p.err)
	}
	if got := b.await(t, isMethod(http.MethodDelete)); got.header.Get(mcp.HeaderSession) != "s-1" {
		t.Errorf("DELETE carries %v", got.header)
	}
	if _, _, err := l.do(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a later call ended with %v", err)
	}
}

func TestTheEndDoesNotWaitForADeafBackend(t *testing.T) {
	t.Parallel()
	b := &backend{session: "s-1"}
	deaf := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			<-r.Context().Done()
			return
		}
		b.ServeHTTP(w, r)
	})
	l := dial(t, serve(t, deaf).URL)
	l.stop()
	if err := l.end(); err != nil {
		t.Errorf("Run returned %v", err)
	}
}

func TestSilenceAfterDiscover(t *testing.T) {
	t.Parallel()
	b := &backend{session: "s-1"}
	b.open = func(_ http.ResponseWriter, r *http.Request, m *mcp.Message) bool {
		if m.Method == mcp.MethodDiscover {
			<-r.Context().Done()
		}
		return m.Method == mcp.MethodDiscover
	}
	l := dial(t, serve(t, b).URL, func(_ *remote.Options, o *upstream.Opening) { o.Probe = time.Millisecond })
	if l.info.Era != mcp.Legacy || !l.info.Session {
		t.Errorf("opened as %+v", l.info)
	}
	if got := b.await(t, holds("initialized")); got.header.Get(mcp.HeaderVersion) != "2025-11-25" {
		t.Errorf("initialized carries %v", got.header)
	}
}

func TestCallsBeforeRun(t *testing.T) {
	t.Parallel()
	for _, k := range []remote.Kind{remote.Auto, remote.HTTP, remote.SSE} {
		d, err := remote.New(remote.Options{Name: "files", URL: "http://127.0.0.1:1/", Kind: k})
		if err != nil {
			t.Fatal(err)
		}
		c := d.Connect(upstream.Opening{}, newSink())
		if _, err := c.Call(context.Background(), &upstream.Request{ID: 1}, newSink()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("kind %d: %v", k, err)
		}
		if err := c.Notify(context.Background(), []byte(`{"jsonrpc":"2.0","method":"x"}`)); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("kind %d: %v", k, err)
		}
	}
}

func TestTheAddressOfABackendIsDialledAsTheNetworkKnowsIt(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"http://backend.example/mcp":       "backend.example:80",
		"http://bücher.example/mcp":        "xn--bcher-kva.example:80",
		"http://[::1]:8080/mcp":            "[::1]:8080",
		"http://[fe80::1%25en0]:8080/mcp":  "[fe80::1%en0]:8080",
		"https://bücher.example:8443/mcp?": "xn--bcher-kva.example:8443",
	} {
		dialled := make(chan string, 1)
		l, _ := connect(t, url, func(o *remote.Options, _ *upstream.Opening) {
			o.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
				select {
				case dialled <- address:
				default: // again
				}
				return nil, errors.New("nobody is there")
			}
		})
		if err := l.end(); err == nil {
			t.Errorf("%s: connected", url)
		}
		if got := <-dialled; got != want {
			t.Errorf("%s: dialled %s, wanted %s", url, got, want)
		}
	}
}
