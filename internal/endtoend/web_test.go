package endtoend_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/upstream/remote"
	"onemcp/internal/upstream/upstreamtest"
)

// web is the scripted server over streamable HTTP. Each legacy session is a conversation of its own; all modern requests
// are one. It is strict: a request whose headers do not agree with its body is refused.
type web struct {
	script upstreamtest.Script
	ended  chan string   // session ids, as they are deleted
	gate   chan struct{} // if not nil, nothing is answered before it is closed
	posted func([]byte)  // if not nil, is told of every message, before it is handled
	modern *upstreamtest.Server
	crowd  *upstreamtest.Crowd

	mu       sync.Mutex
	sessions map[string]*webSession
}

// webSession is one session.
type webSession struct {
	*upstreamtest.Server
	ctx context.Context
	end func()
}

func newWeb(s upstreamtest.Script) *web {
	w := &web{script: s, ended: make(chan string, 1000), modern: upstreamtest.NewServer(s), crowd: upstreamtest.NewCrowd(), sessions: make(map[string]*webSession)}
	w.modern.Join(w.crowd)
	return w
}

// serve describes w as a backend; it serves until t ends.
func (w *web) serve(t *testing.T, name string, excuses ...mcptest.Excuse) gateway.Spec {
	t.Helper()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return overURL(t, name, server.URL, remote.HTTP, excuses...)
}

// ServeHTTP implements http.Handler.
func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if w.gate != nil {
		select {
		case <-w.gate:
		case <-r.Context().Done():
			return
		}
	}
	if r.Method == http.MethodPost {
		w.post(rw, r, body)
		return
	}
	c := w.find(r.Header.Get(mcp.HeaderSession))
	switch {
	case c == nil:
		http.Error(rw, "no session", http.StatusNotFound)
	case r.Method == http.MethodDelete:
		c.end()
		w.ended <- r.Header.Get(mcp.HeaderSession)
	default: // the stream for what belongs to no request
		out := newSpeaker(rw)
		out.open()
		c.SetOutlet(out.say)
		defer c.SetOutlet(nil)
		select {
		case <-c.ctx.Done():
		case <-r.Context().Done():
		}
	}
}

// cut forgets all sessions, and ends the subscriptions of modern clients.
func (w *web) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, c := range w.sessions {
		c.end()
		delete(w.sessions, id)
	}
	w.modern.Drop()
}

func (w *web) find(session string) *webSession {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sessions[session]
}

func (w *web) post(rw http.ResponseWriter, r *http.Request, body []byte) {
	if w.posted != nil {
		w.posted(body)
	}
	m, err := mcp.Scan(body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	switch {
	case m.Has(mcp.FieldMetaVersion):
		if why := m.CheckHeaders(headersOf(r.Header)); why != "" {
			rw.WriteHeader(http.StatusBadRequest)
			_, _ = rw.Write(mcp.AppendError(nil, m.IDBytes(), mcp.CodeHeaderMismatch, why, nil))
			return
		}
		answer(rw, r.Context(), w.modern, &m, body)
	case m.Kind == mcp.Notification && mcp.LooksModern(r.Header.Get(mcp.HeaderVersion)):
		answer(rw, r.Context(), w.modern, &m, body)
	case m.Method == mcp.MethodInitialize:
		id := rand.Text()
		rw.Header().Set(mcp.HeaderSession, id)
		answer(rw, r.Context(), w.begin(id).Server, &m, body)
	default:
		c := w.find(r.Header.Get(mcp.HeaderSession))
		switch {
		case c == nil:
			http.Error(rw, "no session", http.StatusNotFound)
		case mcp.EraOf(r.Header.Get(mcp.HeaderVersion)) != mcp.Legacy:
			http.Error(rw, "the version is missing", http.StatusBadRequest)
		default:
			answer(rw, c.ctx, c.Server, &m, body)
		}
	}
}

func (w *web) begin(id string) *webSession {
	c := &webSession{Server: upstreamtest.NewServer(w.script)}
	ctx, cancel := context.WithCancel(context.Background())
	c.ctx, c.end = ctx, sync.OnceFunc(func() { cancel(); c.Leave() })
	c.Join(w.crowd)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sessions[id] = c
	return c
}

// endAll ends all sessions.
func (w *web) endAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.sessions {
		c.end()
	}
}

func headersOf(h http.Header) (out mcp.Headers) {
	get := func(name string) (string, bool) { return h.Get(name), len(h[name]) > 0 }
	out.Version, out.VersionOK = get(mcp.HeaderVersion)
	out.Method, out.MethodOK = get(mcp.HeaderMethod)
	out.Name, out.NameOK = get(mcp.HeaderName)
	return out
}

// answer has a server handle a message. If the final answer comes first, it is one JSON body; else a stream.
func answer(rw http.ResponseWriter, ctx context.Context, s *upstreamtest.Server, m *mcp.Message, body []byte) {
	if m.Kind != mcp.Request {
		s.Handle(ctx, body, nil)
		rw.WriteHeader(http.StatusAccepted)
		return
	}
	out := newSpeaker(rw)
	s.Handle(ctx, body, out.say)
	out.finish()
}

// speaker writes one HTTP answer.
type speaker struct {
	rw     http.ResponseWriter
	mu     sync.Mutex
	stream bool
	done   bool
}

func newSpeaker(rw http.ResponseWriter) *speaker { return &speaker{rw: rw} }

func (s *speaker) open() {
	s.stream = true
	s.rw.Header().Set("Content-Type", "text/event-stream")
	s.rw.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(s.rw).Flush()
}

func (s *speaker) say(msg []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := mcp.Scan(msg)
	final := err != nil || m.Kind == mcp.Result || m.Kind == mcp.Error
	s.done = s.done || final
	if final && !s.stream {
		s.rw.Header().Set("Content-Type", "application/json")
		s.rw.Header().Set("Content-Length", strconv.Itoa(len(msg)))
		_, _ = s.rw.Write(msg)
		return
	}
	if !s.stream {
		s.open()
	}
	event(s.rw, "message", string(msg))
}

// finish ends an answer that has no final message.
func (s *speaker) finish() {
	if !s.done && !s.stream {
		s.open()
	}
}

// event writes an event. Line breaks of data become lines of the event, as the format wants.
func event(rw http.ResponseWriter, name, data string) {
	_, _ = fmt.Fprintf(rw, "event: %s\n", name)
	for _, line := range lines(data) {
		_, _ = fmt.Fprintf(rw, "data: %s\n", line)
	}
	_, _ = io.WriteString(rw, "\n")
	_ = http.NewResponseController(rw).Flush()
}
