//go:build linux

package proxies_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestSession: behind every proxy with its deployed file, sessions of the
// official client work whole, in both eras and over the old transport.
func TestSession(t *testing.T) {
	t.Parallel()
	for _, s := range setups() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			site := s.start(t, "")
			t.Run("legacy", func(t *testing.T) { testSession(t, connect(t, site.streamable(), legacy)) })
			t.Run("modern", func(t *testing.T) { testSession(t, connect(t, site.streamable(), "")) })
			t.Run("sse", func(t *testing.T) { testSession(t, connect(t, site.sse(), legacy)) })
			t.Run("endpoint", func(t *testing.T) { testEndpoint(t, site) })
		})
	}
}

func testSession(t *testing.T, c *client) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c.awaitTool(ctx, t, "steps")
	c.does(ctx, t, "echo", runArgs{Run: "hällo <&>"}, "hällo <&>")
	testProgress(ctx, t, c)
	testCancel(ctx, t, c)
	testNotifications(ctx, t, c)
}

// testProgress permits each step after it saw the one before: were the stream
// held back, neither side would go on.
func testProgress(ctx context.Context, t *testing.T, c *client) {
	t.Helper()
	const steps = 3
	run := newRun()
	ended := c.begin(ctx, runArgs{Run: run, Steps: steps})
	for step := range steps {
		c.sees(ctx, t, run, step+1)
		c.does(ctx, t, "permit", runArgs{Run: run}, "permitted")
	}
	if got := <-ended; got.err != nil || got.text != fmt.Sprintf("%s took %d steps", run, steps) {
		t.Errorf("the call came to %q, %v", got.text, got.err)
	}
}

// testCancel: the server learns that a call was given up.
func testCancel(ctx context.Context, t *testing.T, c *client) {
	t.Helper()
	run := newRun()
	running, giveUp := context.WithCancel(ctx)
	defer giveUp()
	ended := c.begin(running, runArgs{Run: run, Steps: 1})
	c.sees(ctx, t, run, 1)
	giveUp()
	if got := <-ended; got.err == nil {
		t.Errorf("a call that was given up came to %q", got.text)
	}
	c.does(ctx, t, "cancelled", runArgs{Run: run}, "cancelled")
}

// testNotifications: what belongs to no request arrives too, from the acknowledgement on.
func testNotifications(ctx context.Context, t *testing.T, c *client) {
	t.Helper()
	c.awaitListening(ctx, t)
	run := newRun()
	c.does(ctx, t, "announce", runArgs{Run: run}, "announced")
	c.awaitChange(ctx, t)
	c.awaitTool(ctx, t, run)
}

// testEndpoint: the old transport's endpoint event leads back to the gateway by
// the public address, prefix and all.
func testEndpoint(t *testing.T, s *site) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	base, err := url.Parse(s.url("/sse"))
	if err != nil {
		t.Fatal(err)
	}
	endpoint, err := base.Parse(firstEvent(ctx, t, s))
	if err != nil {
		t.Fatal(err)
	}
	if got := endpoint.String(); !strings.HasPrefix(got, s.url("/messages?")) {
		t.Errorf("the endpoint event leads to %s, want %s", got, s.url("/messages?…"))
	}
}

// firstEvent is the data of the first event of GET /sse.
func firstEvent(ctx context.Context, t *testing.T, s *site) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url("/sse"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			return data
		}
	}
	t.Fatalf("GET /sse: %s, %v", res.Status, lines.Err())
	return ""
}
