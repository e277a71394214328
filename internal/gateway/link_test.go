package gateway

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream"
)

// frail is a driver whose connections open at once and end when they are told to.
type frail struct{ ends chan func() }

func (d frail) Connect(upstream.Opening, upstream.Sink) upstream.Conn { return frailConn{d} }

type frailConn struct{ driver frail }

func (c frailConn) Run(ctx context.Context, ready func(upstream.Info)) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	ready(upstream.Info{Era: mcp.Legacy, Version: mcp.LatestLegacy, Hello: []byte(`{"capabilities":{}}`)})
	c.driver.ends <- func() { end(errors.New("broken")) }
	<-ctx.Done()
	return context.Cause(ctx)
}

func (frailConn) Call(context.Context, *upstream.Request, upstream.Sink) (mcp.Message, error) {
	return mcp.Message{}, errors.New("not here")
}

func (frailConn) Notify(context.Context, []byte) error { return nil }

// startFrail runs a gateway before one backend that keeps a connection for each session, until the test's end.
func startFrail(t *testing.T) (*Gateway, frail) {
	t.Helper()
	d := frail{make(chan func(), 2)}
	g := New(Options{Log: slog.New(slog.DiscardHandler), Sessions: session.NewTable(session.Limits{})}, Setup{Backends: []Spec{
		{Name: "b", Identity: "1", Driver: d, Isolation: PerSession, ConnectionTimeout: time.Minute, RequestTimeout: time.Minute},
	}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return g, d
}

// TestASessionForgetsItsLostConnections: it may outlive thousands of them.
func TestASessionForgetsItsLostConnections(t *testing.T) {
	t.Parallel()
	g, d := startFrail(t)
	<-d.ends // of the primary link, which stays
	s, err := g.opts.Sessions.Open(session.Spec{Principal: "p"})
	if err != nil {
		t.Fatal(err)
	}
	defer g.opts.Sessions.End(s)
	c := &Client{Principal: "p", Era: mcp.Legacy, Session: s}
	b := g.current.Load().byName["b"]
	lost := func() weak.Pointer[link] {
		l, err := b.link(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer l.release()
		end := <-d.ends
		end()
		<-l.lost.wait()
		return weak.Make(l)
	}
	for range 3 {
		old := lost()
		for late := time.Now().Add(time.Minute); old.Value() != nil; runtime.GC() {
			if time.Now().After(late) {
				t.Fatal("the session remembers a connection that is over")
			}
		}
	}
	if s.Context().Err() != nil {
		t.Error("the session has ended with its connection")
	}
}

// request knows where a call came from, and keeps all of its request.
type request struct{ _ [1 << 10]byte }

func (*request) Forwarded() [][2]string { return nil }
func (*request) Caller() any            { return nil }

// TestAConnectionKeepsNothingOfTheRequestThatOpenedIt: it lasts as long as the session, for each backend.
func TestAConnectionKeepsNothingOfTheRequestThatOpenedIt(t *testing.T) {
	t.Parallel()
	g, _ := startFrail(t)
	s, err := g.opts.Sessions.Open(session.Spec{Principal: "p", Capabilities: []byte(`{"roots":{}}`)})
	if err != nil {
		t.Fatal(err)
	}
	defer g.opts.Sessions.End(s)
	r := new(request)
	left := weak.Make(r)
	c := SessionClient(Scope{}, s)
	c.Forwarder = r
	l, err := g.current.Load().byName["b"].link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer l.release()
	for late := time.Now().Add(time.Minute); left.Value() != nil; runtime.GC() {
		if time.Now().After(late) {
			t.Fatal("the connection keeps the request")
		}
	}
	if l.client == nil || l.client.Session != s || string(l.client.Meta.Capabilities) != `{"roots":{}}` {
		t.Errorf("the connection is for %+v", l.client)
	}
}

// choosy is a connection to a server that takes no log level until it is told to.
type choosy struct {
	takes bool
	asked []string
}

func (c *choosy) Call(_ context.Context, r *upstream.Request, _ upstream.Sink) (mcp.Message, error) {
	m, err := mcp.Scan(r.Body)
	if err != nil {
		return m, err
	}
	level, _ := m.Text(mcp.FieldLevel)
	c.asked = append(c.asked, level)
	if !c.takes {
		return mcp.Scan(mcp.AppendError(nil, m.IDBytes(), mcp.CodeInternal, "not now", nil))
	}
	return mcp.Scan(mcp.AppendResult(nil, m.IDBytes(), []byte(`{}`)))
}

// TestALevelThatWasRefusedIsAskedForAgain, but not with every call.
func TestALevelThatWasRefusedIsAskedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(Options{Log: slog.New(slog.DiscardHandler)}, Setup{Backends: []Spec{{Name: "b", Disabled: true}}})
		b := g.current.Load().byName["b"]
		server := &choosy{}
		l := &link{b: b, caller: server, level: mcp.NoLevel, missed: mcp.NoLevel,
			info: upstream.Info{Era: mcp.Legacy, Hello: []byte(`{"capabilities":{"logging":{}}}`)}}
		apply := func(want ...string) {
			t.Helper()
			l.applyLevel(t.Context(), nil)
			if !slices.Equal(server.asked, want) {
				t.Errorf("the server was asked for %q, wanted %q", server.asked, want)
			}
		}
		of := func(name string) {
			level, _ := mcp.LevelOf(name)
			g.levels.set("owner", "asker", level)
		}
		of("info")
		apply("info")
		apply("info") // at once
		of("debug")
		apply("info", "debug") // something else
		server.takes = true
		time.Sleep(levelPause)
		apply("info", "debug", "debug")
		apply("info", "debug", "debug") // it has it
	})
}
