package remote_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/secret"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/remote"
)

// handler is what a backend does with a call.
type handler func(w http.ResponseWriter, r *http.Request, m *mcp.Message)

// reset breaks the connection without a farewell.
func reset(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

func text(code int, kind, body string) handler {
	return func(w http.ResponseWriter, _ *http.Request, _ *mcp.Message) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func TestFaultsOfACall(t *testing.T) {
	t.Parallel()
	const limit = 1 << 12
	large := `"` + strings.Repeat("x", limit) + `"`
	tests := []struct {
		name string
		call handler
		kind fault.Kind
		says string
	}{
		{"wrong content type", text(200, "text/html", "<html>"), fault.Malformed, `content type "text/html" (is its url that of the MCP endpoint?)`},
		{"no content", text(200, "", ""), fault.Malformed, "HTTP status 200 and nothing in it"},
		{"accepted only", text(202, "", ""), fault.Malformed, "HTTP status 202 and nothing in it"},
		{"empty body", text(200, "application/json", ""), fault.Malformed, "not valid"},
		{"malformed JSON", text(200, "application/json", `{"jsonrpc":`), fault.Malformed, "not valid"},
		{"a member twice", text(200, "application/json", `{"jsonrpc":"2.0","id":1,"id":2,"result":{}}`), fault.Malformed, `member "id" stands twice`},
		{"another request's answer", text(200, "application/json", `{"jsonrpc":"2.0","id":99,"result":{}}`), fault.Malformed, "another request"},
		{"malformed event", text(200, "text/event-stream", "data: {\n\n"), fault.Malformed, "not valid"},
		{"stream ends", text(200, "text/event-stream", ": hello\n\n"), fault.Unavailable, "broke off its answer ("},
		{"stream ends within an event", text(200, "text/event-stream", `data: {"jsonrpc"`), fault.Unavailable, "broke off its answer ("},
		{"status 500", text(500, "text/plain", "oops"), fault.Unavailable, "HTTP status 500 (its own log, or that of a proxy before it, may say why)"},
		{"status 400", text(400, "text/plain", "no"), fault.Unavailable, "HTTP status 400 (is its url that of the MCP endpoint?)"},
		{"status 429", text(429, "text/plain", "no"), fault.Unavailable, "HTTP status 429 (it takes no more requests for now: maxConcurrency of its entry bounds ours)"},
		{"status 401", text(401, "text/plain", "who?"), fault.Unauthorized, `HTTP status 401) (check the "headers" of its entry)`},
		{"status 403", text(403, "application/json", `{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}`), fault.Unauthorized, "HTTP status 403"},
		{"status 404 without a session", text(404, "text/plain", "no"), fault.Unavailable, "HTTP status 404"},
		{"a JSON body that is no error", text(400, "application/json", `{"error":"x"}`), fault.Unavailable, "HTTP status 400"},
		{"another request's error", text(400, "application/json", `{"jsonrpc":"2.0","id":99,"error":{"code":1,"message":""}}`), fault.Unavailable, "HTTP status 400"},
		{"redirect to another page", func(w http.ResponseWriter, r *http.Request, _ *mcp.Message) {
			http.Redirect(w, r, "/login", http.StatusFound)
		}, fault.Unavailable, "redirect (HTTP status 302)"},
		{"redirect in a circle", func(w http.ResponseWriter, r *http.Request, _ *mcp.Message) {
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		}, fault.Unavailable, "redirects without end (set its url to the address of its MCP endpoint)"},
		{"oversized body", func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) { answer(w, m, large) }, fault.TooLarge, "over the limit of 4096 bytes (raise its maxMessageSize)"},
		{"oversized body of unknown length", func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) {
			w.Header().Set("Content-Type", "application/json")
			_ = http.NewResponseController(w).Flush()
			answer(w, m, large)
		}, fault.TooLarge, "over the limit"},
		{"oversized event", func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) {
			events(w, "data: "+result(m, large))
		}, fault.TooLarge, "over the limit"},
		{"endless event", func(w http.ResponseWriter, r *http.Request, _ *mcp.Message) {
			w.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "data: x\n")
			}
		}, fault.TooLarge, "over the limit"},
		{"reset before the answer", func(w http.ResponseWriter, _ *http.Request, _ *mcp.Message) { reset(w) }, fault.Unavailable, "the connection to backend"},
		{"reset within the body", func(w http.ResponseWriter, _ *http.Request, _ *mcp.Message) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"jsonrpc"`)
			_ = http.NewResponseController(w).Flush()
			reset(w)
		}, fault.Unavailable, "broke off its answer ("},
		{"reset within the stream", func(w http.ResponseWriter, _ *http.Request, _ *mcp.Message) {
			events(w, ": hello")
			reset(w)
		}, fault.Unavailable, "broke off its answer ("},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var mended atomic.Bool
			b := &backend{call: func(w http.ResponseWriter, r *http.Request, m *mcp.Message) {
				if mended.Load() {
					answer(w, m, `{}`)
				} else {
					tt.call(w, r, m)
				}
			}}
			l := dial(t, serve(t, b).URL, func(o *remote.Options, _ *upstream.Opening) { o.MaxMessage = limit })
			_, _, err := l.do(t.Context())
			if fault.KindOf(err) != tt.kind || !strings.Contains(fault.Public(err), tt.says) || !strings.Contains(fault.Public(err), `backend "files"`) {
				t.Errorf("got %v: %v", fault.KindOf(err), err)
			}
			mended.Store(true) // the connection lives on
			if _, _, err := l.do(t.Context()); err != nil {
				t.Errorf("the next call: %v", err)
			}
		})
	}
}

func TestAnAnswerAtTheLimitPasses(t *testing.T) {
	t.Parallel()
	const limit = 1 << 12
	for name, write := range map[string]func(w http.ResponseWriter, m *mcp.Message, result string){
		"body":   answer,
		"stream": func(w http.ResponseWriter, m *mcp.Message, r string) { events(w, "data: "+result(m, r)) },
	} {
		b := &backend{}
		b.call = func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) {
			write(w, m, `"`+strings.Repeat("x", limit-len(result(m, `""`)))+`"`)
		}
		l := dial(t, serve(t, b).URL, func(o *remote.Options, _ *upstream.Opening) { o.MaxMessage = limit })
		if m, _, err := l.do(t.Context()); err != nil || len(m.Raw) != limit {
			t.Errorf("%s: %d bytes, %v", name, len(m.Raw), err)
		}
	}
}

func TestAStatusErrorIsTheCause(t *testing.T) {
	t.Parallel()
	b := &backend{call: text(503, "text/plain", "the secret")}
	_, _, err := dial(t, serve(t, b).URL).do(t.Context())
	status, ok := errors.AsType[*upstream.StatusError](err)
	if !ok || status.Code != 503 || status.Text != "the secret" || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %+v of %v", status, err)
	}
}

func TestAnErrorWithAStatusIsTheAnswer(t *testing.T) {
	t.Parallel()
	for _, code := range []int{400, 404, 500} {
		for _, id := range []string{"null", "own"} {
			b := &backend{modern: true}
			b.call = func(w http.ResponseWriter, r *http.Request, m *mcp.Message) {
				number := id
				if id == "own" {
					number = string(m.IDBytes())
				}
				text(code, "application/json", `{"jsonrpc":"2.0","id":`+number+`,"error":{"code":-32601,"message":"no"}}`)(w, r, m)
			}
			m, _, err := dial(t, serve(t, b).URL).do(t.Context())
			if err != nil || m.Kind != mcp.Error || m.ErrorCode() != -32601 {
				t.Errorf("%d, %s: got %s, %v", code, id, m.Raw, err)
			}
		}
	}
}

func TestALostSession(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"plain":    "no such session",
		"JSON-RPC": `{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}`,
	} {
		b := &backend{session: "s-1", call: text(404, "application/json", body)}
		l := dial(t, serve(t, b).URL)
		_, _, err := l.do(t.Context())
		if fault.KindOf(err) != fault.Unavailable || !errors.Is(err, upstream.ErrSessionLost) {
			t.Errorf("%s: the call ended with %v", name, err)
		}
		if err := l.end(); !errors.Is(err, upstream.ErrSessionLost) {
			t.Errorf("%s: Run ended with %v", name, err)
		}
		if n := b.count(isMethod(http.MethodDelete)); n != 0 {
			t.Errorf("%s: %d DELETE for a session that is gone", name, n)
		}
	}
}

func TestAnUnknownMethodIsNoLostSession(t *testing.T) {
	t.Parallel()
	b := &backend{session: "s-1"}
	b.call = func(w http.ResponseWriter, r *http.Request, m *mcp.Message) {
		text(404, "application/json", string(mcp.AppendError(nil, m.IDBytes(), mcp.CodeMethodNotFound, "no", nil)))(w, r, m)
	}
	if m, _, err := dial(t, serve(t, b).URL).do(t.Context()); err != nil || m.Kind != mcp.Error {
		t.Errorf("got %s, %v", m.Raw, err)
	}
}

// TestABackendThatIsGone: a call that finds nobody ends Run, and the others go on.
func TestABackendThatIsGone(t *testing.T) {
	t.Parallel()
	finish := make(chan struct{})
	b := &backend{}
	b.call = func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) {
		events(w, `data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}`)
		<-finish
		events(w, "data: "+result(m, `{}`))
	}
	var dialer net.Dialer
	gone := make(chan struct{})
	l := dial(t, serve(t, b).URL, func(o *remote.Options, _ *upstream.Opening) {
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			select {
			case <-gone:
				return nil, &net.OpError{Op: "dial", Err: errors.New("nobody")}
			default:
				return dialer.DialContext(ctx, network, address)
			}
		}
	})
	going := l.begin()
	b.await(t, holds("tools/call"))
	close(gone)
	for ended := false; !ended; { // a socket may still be idle
		p := l.begin()
		select {
		case err := <-l.ended:
			ended = true
			if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Public(err), "cannot be reached") {
				t.Errorf("Run ended with %v", err)
			}
		case <-p.up.notes: // it has found a socket
		case <-p.done:
		}
	}
	close(finish)
	if get(t, going.done); going.err != nil {
		t.Errorf("the call that was going on ended with %v", going.err)
	}
}

func TestFaultsOfAnOpening(t *testing.T) {
	t.Parallel()
	open := func(h handler) http.Handler {
		return &backend{open: func(w http.ResponseWriter, r *http.Request, m *mcp.Message) bool { h(w, r, m); return true }}
	}
	elsewhere := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another origin got %s with %v", r.Method, r.Header)
	}))
	tests := []struct {
		name string
		http.Handler
		kind fault.Kind
		says string
	}{
		{"404", open(text(404, "text/plain", "")), fault.Unavailable, "HTTP status 404 (is its url that of the MCP endpoint?)"},
		{"401", open(text(401, "text/plain", "")), fault.Unauthorized, `HTTP status 401) (check the "headers"`},
		{"503", open(text(503, "text/plain", "")), fault.Unavailable, "HTTP status 503"},
		{"a web page", open(text(200, "text/html", "<html>")), fault.Malformed, `content type "text/html"`},
		{"another origin", http.RedirectHandler(elsewhere.URL, http.StatusPermanentRedirect), fault.Unavailable, "redirects to another origin, " + elsewhere.URL},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, k := range []remote.Kind{remote.HTTP, remote.Auto} {
				l, _ := connect(t, serve(t, tt.Handler).URL, kind(k), func(o *remote.Options, _ *upstream.Opening) {
					o.Headers = map[string]secret.Text{"Authorization": secret.New("Bearer x")}
				})
				err := l.end()
				if fault.KindOf(err) != tt.kind || !strings.Contains(fault.Public(err), tt.says) {
					t.Errorf("got %v: %v", fault.KindOf(err), err)
				}
			}
		})
	}
}

func TestAnUnreachableBackend(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	secure := httptest.NewUnstartedServer(&backend{})
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for says, url := range map[string]string{
		"the connection was refused":                          "http://joe:hunter2@" + closed.Addr().String() + "/?key=hunter2",
		"cannot be resolved":                                  "http://host.invalid/?key=hunter2",
		"its certificate is not trusted":                      secure.URL + "/?key=hunter2",
		"it wants TLS there, so its url begins with https://": strings.Replace(secure.URL, "https:", "http:", 1),
		"it speaks plain HTTP there":                          strings.Replace(serve(t, &backend{}).URL, "http:", "https:", 1),
	} {
		for _, k := range []remote.Kind{remote.HTTP, remote.SSE, remote.Auto} {
			l, _ := connect(t, url, kind(k))
			err := l.end()
			if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Public(err), says) {
				t.Errorf("kind %d: got %v, want %s", k, err, says)
			}
			if all := fmt.Sprintf("%v %v", err, errors.Unwrap(err)); strings.Contains(all, "hunter2") {
				t.Errorf("kind %d: a secret is shown: %s", k, all)
			}
		}
	}
}

func TestTrustedTLS(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		s := httptest.NewUnstartedServer(&backend{session: "s-1"})
		s.EnableHTTP2 = http2
		s.StartTLS()
		t.Cleanup(s.Close)
		roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		l := dial(t, s.URL, func(o *remote.Options, _ *upstream.Opening) { o.TLS = &tls.Config{RootCAs: roots} })
		if _, _, err := l.do(t.Context()); err != nil {
			t.Errorf("HTTP/2 %v: %v", http2, err)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	t.Parallel()
	for says, o := range map[string]remote.Options{
		"is not valid":          {URL: "http://hunter2@%zz"},
		"must begin with http":  {URL: "ftp://hunter2@host/"},
		"and name a host":       {URL: "http:///hunter2"},
		`header "x y" of`:       {URL: "http://host/", Headers: map[string]secret.Text{"x y": secret.New("hunter2")}},
		`header "x" of backend`: {URL: "http://host/", Headers: map[string]secret.Text{"x": secret.New("hunter2\r\na: b")}},
	} {
		_, err := remote.New(o)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v, want %s", err, says)
		}
	}
}
