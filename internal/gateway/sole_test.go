package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream"
)

// forgetful is a modern backend over lines that knows one subscriptions/listen, as those of the Go SDK: the newest one takes the place of
// the others, and when any of them ends all are forgotten. Its one resource has a state, of which its list of tools tells too.
type forgetful struct {
	late   time.Duration // after what time it ends a subscription that was cancelled
	forgot func()        // is called when it has forgotten all, before it answers

	mu    sync.Mutex
	conn  *forgetfulConn
	state int
}

// forgetfulConn is one connection.
type forgetfulConn struct {
	*forgetful
	cut   context.CancelFunc
	ended map[uint64]chan struct{} // closed with the subscription of the id
	up    upstream.Sink            // of the newest; nil: there is none
	uris  []byte                   // that it names, raw
}

func (f *forgetful) Connect(upstream.Opening, upstream.Sink) upstream.Conn {
	return &forgetfulConn{forgetful: f, ended: make(map[uint64]chan struct{})}
}

func (c *forgetfulConn) Run(ctx context.Context, ready func(upstream.Info)) error {
	ctx, cut := context.WithCancel(ctx)
	c.mu.Lock()
	c.cut, c.forgetful.conn = cut, c
	c.mu.Unlock()
	ready(upstream.Info{Era: mcp.Modern, Version: mcp.LatestModern, Hello: []byte(`{"capabilities":{"tools":{}}}`)})
	<-ctx.Done()
	return context.Canceled
}

func (c *forgetfulConn) Call(ctx context.Context, r *upstream.Request, up upstream.Sink) (mcp.Message, error) {
	result := `{}`
	switch r.Method {
	case mcp.MethodToolsList:
		result = fmt.Sprintf(`{"tools":[{"name":"t%d"}]}`, c.now())
	case mcp.MethodListen:
		m, _ := mcp.Scan(r.Body)
		filter := m.Value(mcp.FieldNotifications)
		ended := make(chan struct{})
		c.mu.Lock()
		c.up, c.uris, c.ended[r.ID] = up, mcp.Member(filter, "resourceSubscriptions"), ended
		c.mu.Unlock()
		up.Notify(note(mcp.NoteAcknowledged, `{"notifications":`+string(filter)+`}`))
		select {
		case <-ended:
		case <-ctx.Done():
			return mcp.Message{}, context.Cause(ctx)
		}
	}
	return mcp.Scan(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"result":%s}`, r.ID, result))
}

// Notify ends the subscription that is cancelled.
func (c *forgetfulConn) Notify(_ context.Context, body []byte) error {
	m, _ := mcp.Scan(body)
	if id, ok := mcp.Uint(m.Value(mcp.FieldRequestID)); ok {
		time.AfterFunc(c.late, func() { c.end(id) })
	}
	return nil
}

func (c *forgetfulConn) end(id uint64) {
	c.mu.Lock()
	ended := c.ended[id]
	delete(c.ended, id)
	c.up = nil
	forgot := c.forgot
	c.mu.Unlock()
	if ended != nil {
		if forgot != nil {
			forgot()
		}
		close(ended)
	}
}

// now returns the state.
func (f *forgetful) now() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// change changes the state and tells who has subscribed.
func (f *forgetful) change() {
	f.mu.Lock()
	f.state++
	var up upstream.Sink
	var follows bool
	if f.conn != nil {
		up, follows = f.conn.up, len(f.conn.uris) > 0
	}
	f.mu.Unlock()
	if up == nil {
		return
	}
	up.Notify(note(mcp.NoteToolsChanged, `{}`))
	if follows {
		up.Notify(note(mcp.NoteResourceUpdated, `{"uri":"test://a"}`))
	}
}

// breakOff ends the newest subscription by itself.
func (f *forgetful) breakOff() {
	f.mu.Lock()
	c := f.conn
	var newest uint64
	for id := range c.ended {
		newest = max(newest, id)
	}
	f.mu.Unlock()
	c.end(newest)
}

// lose ends the connection.
func (f *forgetful) lose() {
	f.mu.Lock()
	c := f.conn
	c.up, f.conn = nil, nil
	f.mu.Unlock()
	c.cut()
}

// serve runs a gateway in front of f until t ends.
func (f *forgetful) serve(t *testing.T) *Gateway {
	g := New(Options{Log: slog.New(slog.DiscardHandler), Sessions: session.NewTable(session.Limits{})},
		Setup{Backends: []Spec{{Name: "b", Identity: "b", Driver: f, Isolation: Shared, ConnectionTimeout: time.Hour, RequestTimeout: time.Minute}}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	synctest.Wait()
	return g
}

// reader is a modern client that looks at what it follows whenever it is told of a change.
type reader struct {
	listener
	f *forgetful

	eyes        sync.Mutex
	saw, listed int // the state of the resource and of the list when it last looked
}

// reads has a client follow the resource. It returns when that has been acknowledged.
func (g *Gateway) reads(t *testing.T, f *forgetful) *reader {
	r := &reader{f: f, listed: f.now()}
	r.listener = listener{scope: Scope{Backend: "b"}, wants: announcement{true, true, true, true}, tag: []byte(`1`), send: r.hear}
	g.hub.add(&r.listener)
	if _, refusal, err := g.subscribe(t.Context(), &r.listener, "b", "test://a"); err != nil || refusal != nil {
		t.Fatal(refusal, err)
	}
	r.hear(updateNote("test://a", nil)) // it looks when it has subscribed, and then never again without being told
	return r
}

func (r *reader) hear(msg []byte) {
	m, _ := mcp.Scan(msg)
	r.eyes.Lock()
	defer r.eyes.Unlock()
	switch m.Method {
	case mcp.NoteResourceUpdated:
		r.saw = r.f.now()
	case mcp.NoteToolsChanged:
		r.listed = r.f.now()
	}
}

// upToDate: what it saw last is how things are.
func (r *reader) upToDate(t *testing.T) {
	t.Helper()
	time.Sleep(time.Minute)
	synctest.Wait()
	r.eyes.Lock()
	defer r.eyes.Unlock()
	if now := r.f.now(); r.saw != now || r.listed != now {
		t.Errorf("the state is %d, it saw %d, and the list of %d", now, r.saw, r.listed)
	}
}

// another follows what nobody else does, and leaves again.
func (g *Gateway) another(t *testing.T) {
	l := &listener{scope: Scope{Backend: "b"}, tag: []byte(`2`), send: func([]byte) {}}
	g.hub.add(l)
	if _, _, err := g.subscribe(t.Context(), l, "b", "test://b"); err != nil {
		t.Fatal(err)
	}
	g.hub.remove(l)
	g.forget(l)
}

// TestWhatChangesWhileNobodyListensIsTold: a server with one subscription has none between two of them. What changes then it can
// tell nobody, so the gateway says of everything that was followed that it may have changed.
func TestWhatChangesWhileNobodyListensIsTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		late time.Duration
		act  func(*testing.T, *forgetful, *Gateway)
	}{
		"in the first handover, when the client has been acknowledged": {late: time.Millisecond},
		"in that of a server that is slow":                             {late: parting + time.Second},
		"when another comes and goes":                                  {act: func(t *testing.T, _ *forgetful, g *Gateway) { g.another(t) }},
		"when others come and go and the server is slow": {late: parting + time.Second, act: func(t *testing.T, _ *forgetful, g *Gateway) {
			for range 3 {
				g.another(t)
			}
		}},
		"when the subscription breaks off": {act: func(_ *testing.T, f *forgetful, _ *Gateway) { f.breakOff() }},
		"when the connection is lost": {act: func(_ *testing.T, f *forgetful, _ *Gateway) {
			f.lose()
			f.change()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &forgetful{late: tt.late}
				f.forgot = f.change
				g := f.serve(t)
				r := g.reads(t, f)
				r.upToDate(t)
				if tt.act != nil {
					tt.act(t, f, g)
					r.upToDate(t)
				}
				f.change() // and it is still heard
				r.upToDate(t)
			})
		})
	}
}
