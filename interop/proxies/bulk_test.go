//go:build linux

package proxies_test

import (
	"context"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"onemcp/interop/bulk"
	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

// TestBulk: large results come whole through each kind of proxy, to clients of both eras, and while they come: the client has the
// beginning before the server has sent the rest. If that never comes, it has an error, not a part.
func TestBulk(t *testing.T) {
	t.Parallel()
	_, addr := bin.StartBulk(t)
	for _, s := range setups() {
		switch s.name {
		case "nginx/recommended", "apache/recommended", "haproxy", "caddy":
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				testBulk(t, s, addr)
			})
		}
	}
}

func testBulk(t *testing.T, s setup, addr string) {
	back := harness.StartTap(t, addr)
	s.backends = map[string]any{}
	for _, way := range []string{"legacy", "legacy-json", "modern", "modern-json"} {
		s.backends[way] = map[string]any{"url": "http://" + back.Addr + "/" + way}
	}
	site := s.start(t, "")
	front := harness.StartTap(t, site.proxy)
	site.client = httpClient(t, front.Addr, site.http2)
	for _, version := range []string{legacy, ""} {
		c := connect(t, site.streamable(), version)
		for way := range s.backends {
			c.getsBulk(t, bulkCall{way: way}, back, front)
		}
	}
	c := connect(t, site.streamable(), "")
	for _, call := range []bulkCall{{way: "modern", progress: 2}, {way: "modern", progress: 2, cut: `backend "modern" broke off`}, {way: "modern-json", cut: "EOF"}} {
		c.getsBulk(t, call, back, front)
	}
}

// A bulkCall is a call for a large result.
type bulkCall struct {
	way      string
	progress int
	cut      string // the error that holds this comes when the server's connection is cut; empty: it is not
}

// getsBulk calls for a result that is held in the middle until its beginning is at the client.
func (c *client) getsBulk(t *testing.T, b bulkCall, back, front *harness.Tap) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	args := bulk.Args{Seed: newRun(), Lines: 6000, Progress: b.progress}
	sent, came := back.Hold(1<<20), front.Hold(1<<18)
	came.Release()
	defer sent.Release()
	ended := c.beginBulk(ctx, b, args)
	for step := range b.progress {
		c.sees(ctx, t, args.Seed, step+1)
	}
	awaitHeld(ctx, t, sent, b.way+": the server has not sent half of its result")
	awaitHeld(ctx, t, came, b.way+": nothing comes of a result that is not whole")
	if b.cut != "" {
		sent.Cut()
	}
	sent.Release()
	got := <-ended
	switch {
	case b.cut != "":
		if got.err == nil || !strings.Contains(got.err.Error(), b.cut) {
			t.Errorf("%s: cut off, the call came to %v", b.way, got.err)
		}
	case got.err != nil || got.text != clients.Digest(bulk.Result(args)):
		t.Errorf("%s: the result is not what was made: %v", b.way, got.err)
	}
}

// beginBulk calls beside the test; the text that comes is the result's digest.
func (c *client) beginBulk(ctx context.Context, b bulkCall, args bulk.Args) <-chan outcome {
	params := &mcp.CallToolParams{Name: b.way + "_1mcp_" + bulk.Tool, Arguments: args}
	if args.Progress > 0 {
		params.SetProgressToken(args.Seed)
	}
	ended := make(chan outcome, 1)
	go func() {
		res, err := c.CallTool(ctx, params)
		if err != nil {
			ended <- outcome{err: err}
			return
		}
		ended <- outcome{text: clients.Digest(res)}
	}()
	return ended
}

func awaitHeld(ctx context.Context, t *testing.T, h *harness.Hold, what string) {
	t.Helper()
	select {
	case <-h.Reached:
	case <-ctx.Done():
		t.Fatalf("%s: %v", what, ctx.Err())
	}
}
