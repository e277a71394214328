package remote_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/remote"
	"onemcp/internal/upstream/upstreamtest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(*host, http.ResponseWriter, *http.Request){
		"bodies":  func(h *host, w http.ResponseWriter, r *http.Request) { h.streamable(w, r, true) },
		"streams": func(h *host, w http.ResponseWriter, r *http.Request) { h.streamable(w, r, false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstreamtest.Run(t, upstreamtest.Backend{New: func(t *testing.T, s upstreamtest.Script) upstream.Driver {
				return driver(t, s, remote.Auto, serve)
			}})
		})
	}
}

// TestContractOfTheOldTransport leaves out what asks for the modern era, which it does not carry.
func TestContractOfTheOldTransport(t *testing.T) {
	t.Parallel()
	upstreamtest.Run(t, upstreamtest.Backend{New: func(t *testing.T, s upstreamtest.Script) upstream.Driver {
		if strings.Contains(t.Name(), "modern") || strings.HasSuffix(t.Name(), "server_of_both_eras") {
			t.Skip("HTTP+SSE has no modern era")
		}
		return driver(t, s, remote.SSE, (*host).evented)
	}})
}

func driver(t *testing.T, s upstreamtest.Script, k remote.Kind, serve func(*host, http.ResponseWriter, *http.Request)) upstream.Driver {
	t.Helper()
	h := newHost(s)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(h, w, r) }))
	t.Cleanup(func() {
		h.end()
		server.Close()
	})
	d, err := remote.New(remote.Options{Name: "scripted", URL: server.URL, Kind: k, MaxMessage: s.Limit, Trace: mcptest.Watch(t)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A host serves the scripted server over HTTP.
type host struct {
	script    upstreamtest.Script
	stateless *conversation // all that has no session

	mu            sync.Mutex
	conversations map[string]*conversation
}

// A conversation is a session, or all that has none.
type conversation struct {
	*upstreamtest.Server
	ctx context.Context
	end context.CancelFunc
	out chan []byte // of the old transport's stream
}

func newHost(s upstreamtest.Script) *host {
	h := &host{script: s, conversations: make(map[string]*conversation)}
	h.stateless = h.begin("")
	return h
}

func (h *host) begin(id string) *conversation {
	c := &conversation{Server: upstreamtest.NewServer(h.script), out: make(chan []byte, 1000)}
	c.ctx, c.end = context.WithCancel(context.Background())
	h.mu.Lock()
	defer h.mu.Unlock()
	if id == "" {
		id = fmt.Sprint("s-", len(h.conversations))
	}
	h.conversations[id] = c
	return c
}

func (h *host) find(id string) *conversation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conversations[id]
}

func (h *host) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conversations {
		c.end()
	}
}

// streamable serves streamable HTTP: a legacy session if there is one, else each request alone.
func (h *host) streamable(w http.ResponseWriter, r *http.Request, bodies bool) {
	c := h.stateless
	if id := r.Header.Get(mcp.HeaderSession); id != "" {
		if c = h.find(id); c == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
	}
	switch r.Method {
	case http.MethodDelete:
		c.end()
	case http.MethodPost:
		h.post(w, r, c, bodies)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (h *host) post(w http.ResponseWriter, r *http.Request, c *conversation, bodies bool) {
	text, _ := io.ReadAll(r.Body)
	m, _ := mcp.Scan(text)
	ctx := r.Context()
	switch {
	case m.Kind != mcp.Request:
		w.WriteHeader(http.StatusAccepted)
	case m.Method == mcp.MethodInitialize:
		id := fmt.Sprintf("of request %s", m.IDBytes())
		w.Header().Set(mcp.HeaderSession, id)
		c = h.begin(id)
		ctx = c.ctx
	case c != h.stateless:
		ctx = c.ctx // a legacy client that goes away has not cancelled
	}
	out := &replier{w: w, bodies: bodies, modern: c == h.stateless}
	c.Handle(ctx, text, out.send)
	if m.Kind == mcp.Request && !out.begun {
		<-r.Context().Done() // silence is no answer
	}
}

// replier writes the answer to a POST: as a body if that is wanted and the answer comes first, else as a stream.
type replier struct {
	w              http.ResponseWriter
	bodies, modern bool

	mu    sync.Mutex
	begun bool
}

func (o *replier) send(text []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m, _ := mcp.Scan(text)
	final := m.Kind == mcp.Result || m.Kind == mcp.Error
	if o.begun || !final || !o.bodies && m.Kind == mcp.Result {
		o.begun = true
		events(o.w, "data: "+string(text))
		return
	}
	o.begun = true
	o.w.Header().Set("Content-Type", "application/json")
	if m.Kind == mcp.Error && o.modern {
		o.w.WriteHeader(modernStatus(m.ErrorCode()))
	}
	_, _ = o.w.Write(text)
}

func modernStatus(code int) int {
	switch {
	case code == mcp.CodeMethodNotFound:
		return http.StatusNotFound
	case code == mcp.CodeHeaderMismatch, code == mcp.CodeMissingCapability, code == mcp.CodeUnsupportedVersion:
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// evented serves HTTP+SSE.
func (h *host) evented(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		text, _ := io.ReadAll(r.Body)
		c := h.find(r.URL.Query().Get("s"))
		if c == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		_ = http.NewResponseController(w).Flush()
		c.Handle(c.ctx, text, func(text []byte) { c.out <- text })
		return
	}
	c := h.begin("s")
	defer c.end()
	events(w, "event: endpoint\ndata: ?s=s")
	for {
		select {
		case text := <-c.out:
			events(w, "event: message\ndata: "+string(text))
		case <-r.Context().Done():
			return
		case <-c.ctx.Done():
			return
		}
	}
}

// TestEveryMessageIsHeldAgainstItsSchema shows whether the tests of this package do so.
func TestEveryMessageIsHeldAgainstItsSchema(t *testing.T) {
	t.Parallel()
	mcptest.Need(t)
}
