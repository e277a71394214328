//go:build linux

package proxies_test

import (
	"context"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"onemcp/interop/bulk"
	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

// TestBulk: large results come whole through each kind of proxy, to clients of both eras, and while they come: the client has the
// beginning before the server has sent the rest.
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
			c.getsBulk(t, way, 0, back, front)
		}
	}
	connect(t, site.streamable(), "").getsBulk(t, "modern", 2, back, front)
}

// getsBulk calls for a result that is held in the middle until its beginning is at the client.
func (c *client) getsBulk(t *testing.T, way string, progress int, back, front *harness.Tap) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	args := bulk.Args{Seed: newRun(), Lines: 6000, Progress: progress}
	params := &mcp.CallToolParams{Name: way + "_1mcp_" + bulk.Tool, Arguments: args}
	if progress > 0 {
		params.SetProgressToken(args.Seed)
	}
	sent, came := back.Hold(1<<20), front.Hold(1<<18)
	came.Release()
	defer sent.Release()
	digest := make(chan string, 1)
	go func() {
		res, err := c.CallTool(ctx, params)
		if err != nil {
			digest <- err.Error()
			return
		}
		digest <- clients.Digest(res)
	}()
	for step := range progress {
		c.sees(ctx, t, args.Seed, step+1)
	}
	awaitHeld(ctx, t, sent, way+": the server has not sent half of its result")
	awaitHeld(ctx, t, came, way+": nothing comes of a result that is not whole")
	sent.Release()
	if got := <-digest; got != clients.Digest(bulk.Result(args)) {
		t.Errorf("%s: the result is not what was made: %s", way, got)
	}
}

func awaitHeld(ctx context.Context, t *testing.T, h *harness.Hold, what string) {
	t.Helper()
	select {
	case <-h.Reached:
	case <-ctx.Done():
		t.Fatalf("%s: %v", what, ctx.Err())
	}
}
