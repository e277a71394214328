package interop_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"onemcp/internal/mcp/mcptest"
	"onemcp/interop/clients"
	"onemcp/interop/eragate"
	"onemcp/interop/harness"
)

// oneEra are backends that speak one era each, over stdio, HTTP and, in the
// legacy era, HTTP+SSE.
func oneEra(t *testing.T) map[eragate.Gate][]backend {
	t.Helper()
	node.Need(t)
	stateful := harness.StartGoEverything(t, bin.GoEverything, false)
	stateless := harness.StartGoEverything(t, bin.GoEverything, true)
	old := everything()
	old.server = harness.Server{Name: "everythingsse", URL: node.StartEverythingSSE(t)}
	return map[eragate.Gate][]backend{
		eragate.Legacy: {
			gated(example(), eragate.Legacy, "examplelegacy"),
			gated(goEverything(), eragate.Legacy, "golegacy"),
			gatedHTTP(t, eragate.Legacy, "gohttplegacy", stateful),
			old,
		},
		eragate.Modern: {
			gated(example(), eragate.Modern, "examplemodern"),
			gated(goEverything(), eragate.Modern, "gomodern"),
			gatedHTTP(t, eragate.Modern, "gohttpmodern", stateless),
		},
	}
}

// gated puts the era gate before a stdio backend.
func gated(b backend, gate eragate.Gate, name string) backend {
	b.server.Args = append([]string{string(gate), b.server.Command}, b.server.Args...)
	b.server.Command = bin.EraGate
	b.server.Name = name
	return b
}

// gatedHTTP puts the era gate before a Go everything-server.
func gatedHTTP(t *testing.T, gate eragate.Gate, name, endpoint string) backend {
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(gate.Proxy(to))
	t.Cleanup(proxy.Close)
	b := goEverything()
	b.server = harness.Server{Name: name, URL: proxy.URL + "/mcp"}
	return b
}

// TestDirectEraGate proves the gate: behind it a server has one era, for
// clients that try both, and works as before.
func TestDirectEraGate(t *testing.T) {
	t.Parallel()
	for gate, backends := range oneEra(t) {
		for _, b := range backends {
			t.Run(b.server.Name, func(t *testing.T) {
				t.Parallel()
				c := clients.Go(t, b.target(), clients.Auto)
				if modern := c.Version() >= "2026"; modern != (gate == eragate.Modern) {
					t.Errorf("agreed on %s", c.Version())
				}
				check(t, c, b, "")
			})
		}
	}
}

// TestGatewayBetweenEras: every client gets everything from backends of either era.
func TestGatewayBetweenEras(t *testing.T) {
	t.Parallel()
	var f front
	config := harness.Config{Excuses: []mcptest.Excuse{nullArguments}}
	var prefixes []string
	for _, backends := range oneEra(t) {
		for _, b := range backends {
			f.backends = append(f.backends, b)
			config.Servers = append(config.Servers, b.server)
			prefixes = append(prefixes, b.server.Name+separator)
		}
	}
	f.Gateway = harness.StartGateway(t, bin.OneMCP, config)
	awaitTools(t, f.at("/mcp"), prefixes...)
	t.Run("merged", func(t *testing.T) { testMerged(t, f) })
	t.Run("own", func(t *testing.T) { testOwn(t, f) })
	t.Run("ask", func(t *testing.T) { testAsk(t, f) })
}

// testAsk: a question reaches the user of the client whose call caused it,
// whatever the eras of the two. The clients come one after the other, since
// they share the legacy backend.
func testAsk(t *testing.T, f front) {
	for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
		for _, o := range openers(era) {
			for _, server := range []string{"examplelegacy", "examplemodern"} {
				t.Run(o.name+"/"+string(era)+"/"+server, func(t *testing.T) {
					asks(t, o.open(t, f.at("/mcp")), server+separator+"ask")
				})
			}
		}
	}
}

// asks shows that the client's answer comes back in the tool's.
func asks(t *testing.T, c clients.Client, tool string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result, err := c.Call(ctx, tool, map[string]any{"question": "Who?"}, 0)
	if err != nil || result.IsError || !strings.Contains(result.Text, clients.Answer) {
		t.Errorf("got %+v, %v", result, err)
	}
}
