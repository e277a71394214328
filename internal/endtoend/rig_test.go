package endtoend_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"onemcp/internal/example"
	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/session"
	"onemcp/internal/upstream/upstreamtest"
)

// TestMain is a backend, too, when it was started as one.
func TestMain(m *testing.M) {
	if os.Getenv(asExample) != "" {
		if err := example.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(upstreamtest.Main(m))
}

// patience ends a test that waits for what does not happen.
const patience = time.Minute

// rig is a gateway behind its front on a socket of its own.
type rig struct {
	t        *testing.T
	gateway  *gateway.Gateway
	sessions *session.Table
	url      string
}

// start runs all parts until t ends, and stops them in the daemon's order. What is sent to clients must be right but for the
// excuses.
func start(t *testing.T, s gateway.Setup, excuses ...mcptest.Excuse) *rig {
	t.Helper()
	return startWith(t, s, session.Limits{}, front.Options{}, excuses...)
}

// startWith is start with limits. The parts that o names are put in.
func startWith(t *testing.T, s gateway.Setup, limits session.Limits, o front.Options, excuses ...mcptest.Excuse) *rig {
	t.Helper()
	o.Trace = mcptest.Watch(t, excuses...)
	return startUnwatched(t, s, limits, o)
}

// startUnwatched is startWith without anybody who wants to see messages whole.
func startUnwatched(t *testing.T, s gateway.Setup, limits session.Limits, o front.Options) *rig {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	sessions := session.NewTable(limits)
	g := gateway.New(gateway.Options{Version: "0", Log: log, Sessions: sessions, Drain: patience}, s)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base, cut := context.WithCancel(context.Background())
	o.Gateway, o.Sessions, o.Log, o.Version = g, sessions, log, "0"
	f := front.New(o)
	server := front.Server(base, used(f), log, 0)
	stopSessions := run(sessions.Run)
	stopGateway := run(g.Run)
	stopServer := run(func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the front has ended: %v", err)
		}
		return nil
	})
	t.Cleanup(func() {
		cut()
		stopSessions()
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		stopServer()
		stopGateway()
	})
	return &rig{t: t, gateway: g, sessions: sessions, url: "http://" + listener.Addr().String()}
}

// used passes requests to h, and has none be of any use after h has returned: whoever keeps one is told by the race detector.
func used(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(r.Context())
		defer func() { *r = http.Request{} }()
		h.ServeHTTP(w, r)
	})
}

// run runs a part and returns what stops it and waits for its end.
func run(part func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = part(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// await waits until the gateway's status is as wanted.
func (r *rig) await(what string, wanted func([]gateway.Status) bool) {
	r.t.Helper()
	late := time.After(patience)
	for {
		next := r.gateway.Changed()
		if wanted(r.gateway.Status()) {
			return
		}
		select {
		case <-next:
		case <-late:
			r.t.Fatalf("waited in vain: %s: %+v", what, r.gateway.Status())
		}
	}
}

// ready waits until the named backends are ready, or all of them.
func (r *rig) ready(names ...string) {
	r.t.Helper()
	r.await("backends that are ready", func(all []gateway.Status) bool {
		return !slices.ContainsFunc(all, func(s gateway.Status) bool {
			return s.State != gateway.Ready && (len(names) == 0 || slices.Contains(names, s.Name))
		})
	})
}

// state returns the state of one backend.
func (r *rig) state(name string) gateway.State {
	for _, s := range r.gateway.Status() {
		if s.Name == name {
			return s.State
		}
	}
	return ""
}

// TestEveryMessageIsHeldAgainstItsSchema shows whether the rigs of these tests do so.
func TestEveryMessageIsHeldAgainstItsSchema(t *testing.T) {
	t.Parallel()
	mcptest.Need(t)
}

// receive takes a value from a channel; it fails the test if none comes.
func receive[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}
