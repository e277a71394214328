package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"onemcp/internal/probe"
	"onemcp/internal/publicurl"
	"onemcp/internal/secret"
	"onemcp/internal/sse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stand is a gateway with no more than the doctor asks for: the real derivation, the real tokens.
type stand struct {
	setup Setup
	key   *probe.Key
	token secret.Text
}

func newStand(t *testing.T) *stand {
	t.Helper()
	key, err := probe.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := good()
	w.trust, w.external = "", nil
	s := &stand{setup: w.setup(t), key: key, token: key.Mint(time.Now())}
	s.setup.Heartbeat = 20 * time.Millisecond
	return s
}

func (s *stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/mcp" {
		http.Error(w, `{"jsonrpc":"2.0"}`, http.StatusBadRequest)
		return
	}
	if r.URL.Path == "/health/live" {
		fmt.Fprint(w, `{"status":"ok"}`)
		return
	}
	if !s.key.Check(r.Header.Get(probe.Header), time.Now()) {
		http.Error(w, `{"error":"for local callers"}`, http.StatusForbidden)
		return
	}
	switch r.URL.Path {
	case "/whoami":
		peer, _, _ := net.SplitHostPort(r.RemoteAddr)
		answer := seen(s.setup, request{peer: peer, host: r.Host, header: r.Header})
		if r.RemoteAddr == "@" {
			answer = seen(s.setup, request{peer: "@", host: r.Host, header: r.Header})
		}
		_ = json.NewEncoder(w).Encode(answer)
	case "/whoami/body":
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, `{"bytes":%d,"error":%q}`, n, fmt.Sprint(err))
	case "/whoami/stream":
		s.stream(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *stand) stream(w http.ResponseWriter, r *http.Request) {
	events, _ := strconv.Atoi(r.URL.Query().Get("events"))
	gap, _ := strconv.Atoi(r.URL.Query().Get("gap"))
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range events {
		if i > 0 {
			<-time.After(time.Duration(gap) * time.Millisecond)
		}
		_, _ = w.Write(sse.Append(nil, sse.Event{ID: strconv.Itoa(i + 1), Data: []byte("{}")}))
		w.(http.Flusher).Flush()
	}
}

// plan serves the stand at a listener and says how to look at it.
func (s *stand) plan(t *testing.T, l net.Listener) Plan {
	t.Helper()
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: s}}
	server.Start()
	t.Cleanup(server.Close)
	s.setup.Listener = Listener{l.Addr().Network(), l.Addr().String(), true}
	return Plan{Version: "1", Setup: s.setup, Token: s.token}
}

func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// through puts a server in front of the stand.
func (p Plan) through(t *testing.T, h http.Handler) Plan {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return p.at(t, server.URL)
}

func (p Plan) at(t *testing.T, url string) Plan {
	t.Helper()
	e, err := publicurl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	p.URL = &e
	return p
}

// proxy passes requests to the plan's listener, and says what a good one says.
func (p Plan) proxy() *httputil.ReverseProxy {
	target := &url.URL{Scheme: "http", Host: p.Setup.Listener.Address}
	return &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
			for _, name := range []string{"X-Real-Ip", "X-Forwarded-Port", "X-Forwarded-Prefix", "X_forwarded_for"} {
				delete(r.Out.Header, name)
			}
		},
		Transport: &http.Transport{DisableKeepAlives: true},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
}

// hand puts a function in front of a handler, which says whether it is done.
func hand(next http.Handler, first func(w http.ResponseWriter, r *http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !first(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// localOnly is a listener whose connections must begin with the PROXY header of the command LOCAL.
type localOnly struct{ net.Listener }

func (l localOnly) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	head := make([]byte, len(localHeader))
	if _, err := io.ReadFull(conn, head); err != nil || string(head) != localHeader {
		_ = conn.Close()
	}
	return conn, nil
}

// socket is a unix listener, whose path may not be long.
func socket(t *testing.T) net.Listener {
	t.Helper()
	dir, err := os.MkdirTemp("", "1mcp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// tokens counts requests with and without a token.
type tokens struct{ with, without []string }

func (c *tokens) count(r *http.Request) {
	if strings.TrimSpace(r.Header.Get(probe.Header)) != "" || r.Header.Get("X-Forwarded-For") != "" {
		c.with = append(c.with, r.URL.Path)
	} else {
		c.without = append(c.without, r.URL.Path)
	}
}
