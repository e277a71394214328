package endtoend_test

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/upstream/remote"
	"onemcp/internal/upstream/upstreamtest"
)

// oldWeb is the scripted server over HTTP+SSE. Each stream is a conversation of its own.
type oldWeb struct {
	script upstreamtest.Script
	crowd  *upstreamtest.Crowd

	mu      sync.Mutex
	streams map[string]*oldConversation
}

// oldConversation is one stream, with the messages that were posted for it.
type oldConversation struct {
	*upstreamtest.Server
	ctx  context.Context
	end  func()
	work sync.WaitGroup
	mu   sync.Mutex // held by who writes to the stream
	rw   http.ResponseWriter
}

func newOldWeb(s upstreamtest.Script) *oldWeb {
	return &oldWeb{script: s, crowd: upstreamtest.NewCrowd(), streams: make(map[string]*oldConversation)}
}

// serve describes w as a backend; it serves until t ends.
func (w *oldWeb) serve(t *testing.T, name string, excuses ...mcptest.Excuse) gateway.Spec {
	t.Helper()
	return overURL(t, name, serveWeb(t, w)+"/sse", remote.SSE, excuses...)
}

// cut ends all streams.
func (w *oldWeb) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.streams {
		c.end()
	}
}

// ServeHTTP implements http.Handler.
func (w *oldWeb) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		w.stream(rw, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if !w.take(r.URL.Query().Get("id"), body) {
		http.Error(rw, "no such stream", http.StatusNotFound)
		return
	}
	rw.WriteHeader(http.StatusAccepted)
}

// take hands a message to its stream's server.
func (w *oldWeb) take(id string, body []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.streams[id]
	if c != nil {
		c.work.Go(func() { c.Handle(c.ctx, body, c.say) })
	}
	return c != nil
}

func (w *oldWeb) stream(rw http.ResponseWriter, r *http.Request) {
	id := rand.Text()
	c := &oldConversation{Server: upstreamtest.NewServer(w.script), rw: rw}
	ctx, cancel := context.WithCancel(r.Context())
	c.ctx, c.end = ctx, sync.OnceFunc(func() { cancel(); c.Leave() })
	defer c.end()
	c.Join(w.crowd)
	c.SetOutlet(c.say)
	w.mu.Lock()
	w.streams[id] = c
	w.mu.Unlock()
	rw.Header().Set("Content-Type", "text/event-stream")
	c.mu.Lock()
	event(rw, "endpoint", "/messages?id="+id)
	c.mu.Unlock()
	<-c.ctx.Done()
	w.mu.Lock()
	delete(w.streams, id)
	w.mu.Unlock()
	c.end()
	c.work.Wait()
}

func (c *oldConversation) say(msg []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	event(c.rw, "message", string(msg))
}

// lines cuts a text at its line ends.
func lines(text string) []string { return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") }
