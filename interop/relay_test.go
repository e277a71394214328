package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

// proxied is a target for clients that start 1mcp proxy in front of a gateway.
func proxied(url string, args ...string) clients.Target {
	return clients.Target{Command: bin.OneMCP, Args: append([]string{"proxy", "--url", url}, args...)}
}

// TestProxy: the official clients, over stdio, use a running gateway with backends of both eras, in both eras.
func TestProxy(t *testing.T) {
	t.Parallel()
	node.Need(t)
	config, backends := mixed(t)
	g := harness.StartGateway(t, bin.OneMCP, config)
	eachClient(t, func(t *testing.T, open func(clients.Target) clients.Client) {
		usesAll(t, open(proxied(g.URL)), backends)
	})
	t.Run("one server", func(t *testing.T) {
		t.Parallel()
		for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
			for _, b := range backends {
				check(t, clients.Go(t, proxied(g.URL, "--server", b.server.Name), era), b, "")
			}
		}
	})
}

// TestProxyOutlivesItsGateway: while the gateway is away each request is an error at once, which names it; when it is back
// the same client goes on.
func TestProxyOutlivesItsGateway(t *testing.T) {
	t.Parallel()
	for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
		t.Run(string(era), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			socket := filepath.Join(socketDir(t), "s")
			g := startAt(t, socket)
			c := clients.Go(t, proxied("unix:"+socket), era)
			greets(ctx, t, c)
			for range 2 {
				g.Kill()
				for range 3 {
					_, err := c.Call(ctx, "example"+separator+"echo", map[string]any{"text": "hi"}, 0)
					if err == nil || !strings.Contains(err.Error(), socket) || !strings.Contains(err.Error(), "1mcp serve") {
						t.Fatalf("while the gateway is away: %v", err)
					}
				}
				g = startAt(t, socket)
				greets(ctx, t, c)
				asks(t, c, "example"+separator+"ask")
			}
		})
	}
}

// socketDir returns a directory whose path is short enough for a socket.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "1mcp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// startAt starts a gateway with the example server on a unix socket.
func startAt(t *testing.T, socket string) *harness.Child {
	t.Helper()
	child, _ := startListening(t, map[string]any{"listen": "unix:" + socket})
	return child
}

// startListening starts a gateway with the example server, and returns where it listens. server is of its configuration.
func startListening(t *testing.T, server map[string]any) (child *harness.Child, at string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "mcp.json")
	text, err := json.Marshal(map[string]any{
		"server":     server,
		"mcpServers": map[string]any{"example": map[string]any{"command": bin.OneMCP, "args": []string{"example-server"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	child = harness.Start(t, harness.Spec{Path: bin.OneMCP, Args: []string{"serve", "--config", file}, Dir: dir, Env: []string{"HOME=" + dir}})
	return child, child.Await("that it listens", harness.Listening)
}

func greets(ctx context.Context, t *testing.T, c clients.Client) {
	t.Helper()
	if r, err := echo(ctx, c); err != nil || r.Text != "hi" {
		t.Fatalf("echo: %+v, %v", r, err)
	}
}

func echo(ctx context.Context, c clients.Client) (clients.Result, error) {
	return c.Call(ctx, "example"+separator+"echo", map[string]any{"text": "hi"}, 0)
}

// TestProxyCancels: what a client cancels ends at the backend, in both eras.
func TestProxyCancels(t *testing.T) {
	t.Parallel()
	config, _ := mixed(t)
	g := harness.StartGateway(t, bin.OneMCP, config)
	for _, target := range []clients.Target{proxied(g.URL), started(config.Command(t, bin.OneMCP, "serve", "--stdio"))} {
		for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
			t.Run(fmt.Sprint(target.Args[0], "/", era), func(t *testing.T) {
				t.Parallel()
				cancels(t, clients.Go(t, target, era))
			})
		}
	}
}

// cancels gives up a call that would take minutes when it has begun, and shows that others go on.
func cancels(t *testing.T, c *clients.GoClient) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	call, giveUp := context.WithCancel(ctx)
	params := &mcp.CallToolParams{Name: "examplelegacy" + separator + "count", Arguments: map[string]any{"steps": 2, "delay": 600_000}}
	ended := make(chan error, 1)
	go func() {
		_, err := c.Session().CallTool(call, params)
		ended <- err
	}()
	if _, err := c.Call(ctx, "examplelegacy"+separator+"echo", map[string]any{"text": "meanwhile"}, 0); err != nil {
		t.Fatal(err)
	}
	giveUp()
	if err := <-ended; err == nil {
		t.Error("the call was answered")
	}
	if _, err := c.Call(ctx, "examplelegacy"+separator+"echo", map[string]any{"text": "after"}, 0); err != nil {
		t.Fatal(err)
	}
}

// TestProxyStartsBeforeItsGateway: initialize is refused at once, and taken when the gateway is there.
func TestProxyStartsBeforeItsGateway(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away := "http://" + l.Addr().String()
	_ = l.Close() // nobody is there now
	spec := harness.Spec{Path: bin.OneMCP, Args: []string{"proxy", "--url", away}}
	cmd := spec.Command()
	cmd.Stdin = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}` + "\n")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), `"id":1,"error":{"code":-32603,"message":"the gateway at `+away+`/mcp does not answer`) {
		t.Errorf("got %s, %v", out, err)
	}
}
