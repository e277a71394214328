package interop_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"onemcp/internal/mcp/mcptest"
	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

const separator = "_1mcp_"

// front is a gateway in front of backends that are all up.
type front struct {
	*harness.Gateway
	backends []backend
}

func (f front) at(path string) clients.Target { return clients.Target{URL: f.Endpoint(path)} }

func (f front) sse(path string) clients.Target {
	return clients.Target{URL: f.Endpoint(path), SSE: true}
}

// startFront starts every backend there is and one gateway in front of them.
func startFront(t *testing.T) front {
	t.Helper()
	f := front{backends: lineup(t)}
	config := harness.Config{Presets: map[string]string{"golocal": "go and not http"}, Excuses: []mcptest.Excuse{nullArguments}}
	var prefixes []string
	for _, b := range f.backends {
		config.Servers = append(config.Servers, b.server)
		prefixes = append(prefixes, b.server.Name+separator)
	}
	f.Gateway = harness.StartGateway(t, bin.OneMCP, config)
	awaitTools(t, f.at("/mcp"), prefixes...)
	return f
}

// awaitTools waits until the list shows a tool under each of the prefixes. It
// lists again only when it is told that the list changed.
func awaitTools(t *testing.T, target clients.Target, prefixes ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := clients.Go(t, target, clients.Legacy)
	for {
		tools, err := c.Tools(ctx)
		if err != nil {
			t.Fatalf("list tools: %v", err)
		}
		absent := missing(tools, prefixes)
		if len(absent) == 0 {
			return
		}
		select {
		case <-c.Changed:
		case <-ctx.Done():
			t.Fatalf("no tools of %q came, nor word of them", absent)
		}
	}
}

func missing(tools, prefixes []string) []string {
	return slices.DeleteFunc(slices.Clone(prefixes), func(prefix string) bool {
		return slices.ContainsFunc(tools, func(tool string) bool { return strings.HasPrefix(tool, prefix) })
	})
}

// TestGateway drives one gateway in front of all backends with all clients.
func TestGateway(t *testing.T) {
	t.Parallel()
	f := startFront(t)
	t.Run("merged", func(t *testing.T) { testMerged(t, f) })
	t.Run("own", func(t *testing.T) { testOwn(t, f) })
	t.Run("sse", func(t *testing.T) { testSSE(t, f) })
	t.Run("inspector", func(t *testing.T) { testInspector(t, f) })
	t.Run("selection", func(t *testing.T) { testSelection(t, f) })
}

// eachClient runs do for every client in both eras.
func eachClient(t *testing.T, do func(*testing.T, func(clients.Target) clients.Client)) {
	for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
		for _, o := range openers(era) {
			t.Run(o.name+"/"+string(era), func(t *testing.T) {
				t.Parallel()
				do(t, func(to clients.Target) clients.Client { return o.open(t, to) })
			})
		}
	}
}

// testMerged: on the merged endpoint one client reaches all backends.
func testMerged(t *testing.T, f front) {
	eachClient(t, func(t *testing.T, open func(clients.Target) clients.Client) {
		c := open(f.at("/mcp"))
		for _, b := range f.backends {
			t.Run(b.server.Name, func(t *testing.T) { check(t, c, b, b.server.Name+separator) })
		}
	})
}

// testOwn: on its own endpoint each backend is alone, with its own names.
func testOwn(t *testing.T, f front) {
	eachClient(t, func(t *testing.T, open func(clients.Target) clients.Client) {
		for _, b := range f.backends {
			c := open(f.at("/mcp/servers/" + b.server.Name))
			t.Run(b.server.Name, func(t *testing.T) { check(t, c, b, "") })
		}
	})
}

// testSSE: clients of the old transport get the same.
func testSSE(t *testing.T, f front) {
	for _, o := range openers(clients.Legacy) {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			merged := o.open(t, f.sse("/sse"))
			for _, b := range f.backends {
				t.Run("merged/"+b.server.Name, func(t *testing.T) { check(t, merged, b, b.server.Name+separator) })
			}
			own := o.open(t, f.sse("/sse/servers/example"))
			t.Run("own", func(t *testing.T) { check(t, own, example(), "") })
		})
	}
}

// testInspector looks at every backend in one era; each operation is a
// process of its own, so the other era is shown on one.
func testInspector(t *testing.T, f front) {
	for _, b := range f.backends {
		t.Run("legacy/"+b.server.Name, func(t *testing.T) {
			t.Parallel()
			check(t, clients.Inspector(t, node, f.at("/mcp"), clients.Legacy), b, b.server.Name+separator)
		})
	}
	t.Run("modern/example", func(t *testing.T) {
		t.Parallel()
		check(t, clients.Inspector(t, node, f.at("/mcp"), clients.Modern), example(), "example"+separator)
	})
}

// testSelection: a query narrows the merged endpoint, in either era.
func testSelection(t *testing.T, f front) {
	for query, want := range map[string][]string{
		"servers=example,memory":             {"example", "memory"},
		"tags=own,go":                        {"example", "go", "gohttp", "gostateless"},
		"filter=ts+and+not+http":             {"everything", "filesystem", "memory"},
		"filter=own%2C(go%2Blocal)":          {"example", "go"},
		"filter=go+http":                     {"gohttp", "gostateless"},
		"tag-filter=%21(ts+or+own)+and+http": {"gohttp", "gostateless"},
		"preset=golocal":                     {"go"},
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
				sees(t, clients.Go(t, f.at("/mcp?"+query), era), want)
			}
		})
	}
	t.Run("two selections are refused", func(t *testing.T) {
		t.Parallel()
		refused(t, f.Endpoint("/mcp?tags=own&servers=example"))
	})
}

// sees shows that exactly these backends are there, and that no other one
// can be called.
func sees(t *testing.T, c clients.Client, want []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tools, err := c.Tools(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tool := range tools {
		name, _, _ := strings.Cut(tool, separator)
		got = append(got, name)
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("%s sees %q, want %q", c.Version(), got, want)
	}
	if !slices.Contains(want, "everything") {
		if r, err := c.Call(ctx, "everything"+separator+"echo", map[string]any{"message": "hi"}, 0); err == nil {
			t.Errorf("%s called what it does not see: %+v", c.Version(), r)
		}
	}
}

func refused(t *testing.T, url string) {
	t.Helper()
	body := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d, want 400", res.StatusCode)
	}
}
