package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/catalog"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream"
)

// slow is a driver whose connection opens when gate is closed, and then has one tool and one resource, both named after it.
type slow struct {
	name string
	gate chan struct{}
	ends bool // in place of opening
}

func (d slow) Connect(upstream.Opening, upstream.Sink) upstream.Conn { return slowConn(d) }

type slowConn slow

func (c slowConn) Run(ctx context.Context, ready func(upstream.Info)) error {
	select {
	case <-c.gate:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if c.ends {
		return errors.New("broken")
	}
	ready(upstream.Info{Era: mcp.Legacy, Version: mcp.LatestLegacy, Hello: []byte(`{"capabilities":{"tools":{},"resources":{}}}`)})
	<-ctx.Done()
	return context.Cause(ctx)
}

func (c slowConn) Call(_ context.Context, r *upstream.Request, _ upstream.Sink) (mcp.Message, error) {
	result := `{}`
	switch r.Method {
	case mcp.MethodToolsList:
		result = fmt.Sprintf(`{"tools":[{"name":%q,"inputSchema":{"type":"object"}}]}`, c.name)
	case mcp.MethodResourcesList:
		result = fmt.Sprintf(`{"resources":[{"name":"r","uri":"test:%s"}]}`, c.name)
	case mcp.MethodTemplatesList:
		result = `{"resourceTemplates":[]}`
	case mcp.MethodToolsCall, mcp.MethodResourcesRead:
		result = fmt.Sprintf(`{"by":%q}`, c.name)
	}
	return mcp.Scan(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"result":%s}`, r.ID, result))
}

func (slowConn) Notify(context.Context, []byte) error { return nil }

// slowGateway runs a gateway without prefixes in front of slow backends, until t ends.
func slowGateway(t *testing.T, all ...slow) *Gateway {
	s := Setup{Naming: catalog.Naming{Bare: true}}
	for _, d := range all {
		s.Backends = append(s.Backends, Spec{Name: d.name, Identity: d.name, Driver: d, ConnectionTimeout: time.Hour, RequestTimeout: time.Hour})
	}
	g := New(Options{Log: slog.New(slog.DiscardHandler), Sessions: session.NewTable(session.Limits{})}, s)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return g
}

// answered serves a request of a legacy client's, and tells what it was answered with.
func (g *Gateway) answered(t *testing.T, method, params string) <-chan string {
	m, err := mcp.Scan(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s}}`, method, params))
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan string, 1)
	go func() {
		a, err := g.Serve(t.Context(), &Client{Principal: "p", Era: mcp.Legacy}, &m, nil)
		if err != nil {
			out <- err.Error()
			return
		}
		out <- string(a.Body)
	}()
	return out
}

// open returns a gate that is open.
func open() chan struct{} {
	gate := make(chan struct{})
	close(gate)
	return gate
}

// TestANameWaitsForBackendsThatStart: a client that knows a tool from before need not list again after a start.
func TestANameWaitsForBackendsThatStart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ method, params string }{
		{mcp.MethodToolsCall, `"name":"late"`},
		{mcp.MethodResourcesRead, `"uri":"test:late"`},
	} {
		t.Run(tt.method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gate := make(chan struct{})
				g := slowGateway(t, slow{name: "early", gate: open()}, slow{name: "late", gate: gate}, slow{name: "hangs"})
				got := g.answered(t, tt.method, tt.params)
				synctest.Wait()
				select {
				case text := <-got:
					t.Fatalf("answered before the backend came up: %s", text)
				default:
				}
				close(gate)
				if text := <-got; !strings.Contains(text, `{"by":"late"}`) {
					t.Errorf("got %s", text)
				}
			})
		})
	}
}

// TestANameThatNobodyHas waits for backends that start, within bounds, and for no others.
func TestANameThatNobodyHas(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		others []slow
		before time.Duration // that has passed since the start
		waits  time.Duration
	}{
		{"all are up", nil, time.Second, 0},
		{"one hangs", []slow{{name: "hangs"}}, 2 * time.Second, firstLists - 2*time.Second},
		{"one hangs, long ago", []slow{{name: "hangs"}}, firstLists, 0},
		{"one has failed", []slow{{name: "fails", gate: open(), ends: true}}, time.Millisecond, 0},
		{"one is tried again", []slow{{name: "fails", gate: open(), ends: true}}, 3 * time.Second, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := slowGateway(t, append(tt.others, slow{name: "early", gate: open()})...)
				time.Sleep(tt.before)
				synctest.Wait()
				asked := time.Now()
				if text := <-g.answered(t, mcp.MethodToolsCall, `"name":"nobody"`); !strings.Contains(text, "Unknown tool: nobody") {
					t.Errorf("got %s", text)
				}
				if waited := time.Since(asked); waited != tt.waits {
					t.Errorf("waited %s, wanted %s", waited, tt.waits)
				}
			})
		})
	}
}

// TestABackendIsHeardOnceTheCatalogHasItsLists, and not when it has only given them: who waits for it would read a list
// without them.
func TestABackendIsHeardOnceTheCatalogHasItsLists(t *testing.T) {
	t.Parallel()
	g := New(Options{Log: slog.New(slog.DiscardHandler)}, Setup{Backends: []Spec{{Name: "x"}}})
	b := g.current.Load().order[0]
	g.building.Lock() // another backend's lists are being put in
	var published sync.WaitGroup
	published.Go(func() { b.publish(&catalog.Offer{}, announcement{}) })
	for given := false; !given; runtime.Gosched() {
		b.mu.Lock()
		given = b.raw != nil
		b.mu.Unlock()
	}
	if !b.unheard() {
		t.Error("it counts as heard before the catalog has its lists")
	}
	g.building.Unlock()
	published.Wait()
	if b.unheard() {
		t.Error("it counts as unheard when the catalog has its lists")
	}
}
