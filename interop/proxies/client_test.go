//go:build linux

package proxies_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// legacy is the last version with sessions; the SDK opens with a later one.
const legacy = "2025-11-25"

// client is the official Go SDK's client, connected through the proxies.
type client struct {
	*mcp.ClientSession
	progress chan *mcp.ProgressNotificationParams
	changed  chan struct{} // holds one once the list of tools changed
	acked    chan struct{} // closed once the gateway has acknowledged that the client listens; modern era only
}

// connect opens a session of a version, "" for the SDK's own choice.
func connect(t testing.TB, to mcp.Transport, version string) *client {
	t.Helper()
	c := &client{progress: make(chan *mcp.ProgressNotificationParams), changed: make(chan struct{}, 1), acked: make(chan struct{})}
	done := t.Context().Done()
	options := &mcp.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, req *mcp.ProgressNotificationClientRequest) {
			select {
			case c.progress <- req.Params:
			case <-done:
			}
		},
		ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) {
			select {
			case c.changed <- struct{}{}:
			default:
			}
		},
	}
	official := mcp.NewClient(&mcp.Implementation{Name: "proxies", Version: "1"}, options)
	official.AddReceivingMiddleware(c.noteAcked)
	session, err := official.Connect(t.Context(), to, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { session.Close() })
	c.ClientSession = session
	return c
}

// noteAcked sees every message that the client gets unasked.
func (c *client) noteAcked(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		if method == "notifications/subscriptions/acknowledged" {
			close(c.acked)
		}
		return next(ctx, method, req)
	}
}

// awaitListening waits until nothing that happens can be missed.
func (c *client) awaitListening(ctx context.Context, t testing.TB) {
	t.Helper()
	if c.InitializeResult().ProtocolVersion <= legacy {
		return // a session keeps what its client has not come for
	}
	select {
	case <-c.acked:
	case <-ctx.Done():
		t.Fatalf("subscriptions/listen was not acknowledged: %v", ctx.Err())
	}
}

func (s *site) streamable() mcp.Transport {
	return &mcp.StreamableClientTransport{Endpoint: s.url("/mcp"), HTTPClient: s.client}
}

func (s *site) sse() mcp.Transport {
	return &mcp.SSEClientTransport{Endpoint: s.url("/sse"), HTTPClient: s.client}
}

// public is the name of a tool of the test's server behind the gateway.
func public(tool string) string { return "test_1mcp_" + tool }

func (c *client) tools(ctx context.Context) ([]string, error) {
	var names []string
	for tool, err := range c.Tools(ctx, nil) {
		if err != nil {
			return nil, err
		}
		names = append(names, tool.Name)
	}
	return names, nil
}

// awaitTool waits until a tool is listed. It lists again only when it is told
// that the list changed.
func (c *client) awaitTool(ctx context.Context, t testing.TB, tool string) {
	t.Helper()
	for {
		names, err := c.tools(ctx)
		if err != nil {
			t.Fatalf("list tools: %v", err)
		}
		if slices.Contains(names, public(tool)) {
			return
		}
		c.awaitChange(ctx, t)
	}
}

func (c *client) awaitChange(ctx context.Context, t testing.TB) {
	t.Helper()
	select {
	case <-c.changed:
	case <-ctx.Done():
		t.Fatalf("no word of a changed list came: %v", ctx.Err())
	}
}

// call calls a tool and returns its text.
func (c *client) call(ctx context.Context, tool string, args runArgs) (string, error) {
	return c.send(ctx, &mcp.CallToolParams{Name: public(tool), Arguments: args})
}

func (c *client) send(ctx context.Context, params *mcp.CallToolParams) (string, error) {
	res, err := c.CallTool(ctx, params)
	if err != nil {
		return "", err
	}
	var text string
	if len(res.Content) > 0 {
		if block, ok := res.Content[0].(*mcp.TextContent); ok {
			text = block.Text
		}
	}
	if res.IsError {
		return "", fmt.Errorf("%s: %s", params.Name, text)
	}
	return text, nil
}

// does is call that must come to a text.
func (c *client) does(ctx context.Context, t testing.TB, tool string, args runArgs, want string) {
	t.Helper()
	if got, err := c.call(ctx, tool, args); err != nil || got != want {
		t.Fatalf("%s(%+v): got %q, %v; want %q", tool, args, got, err, want)
	}
}

// sees waits for a report of progress, which must be of this step.
func (c *client) sees(ctx context.Context, t testing.TB, run string, step int) {
	t.Helper()
	select {
	case p := <-c.progress:
		if p.ProgressToken != any(run) || p.Progress != float64(step) {
			t.Fatalf("progress is %v of %v, want %d of %s", p.Progress, p.ProgressToken, step, run)
		}
	case <-ctx.Done():
		t.Fatalf("step %d of %s was taken and not seen: something holds the stream back", step, run)
	}
}

// outcome is what a call that goes on beside the test comes to.
type outcome struct {
	text string
	err  error
}

// begin calls steps, whose progress is reported.
func (c *client) begin(ctx context.Context, args runArgs) <-chan outcome {
	params := &mcp.CallToolParams{Name: public("steps"), Arguments: args}
	params.SetProgressToken(args.Run)
	return c.start(ctx, params)
}

// beginQuiet calls steps, and nothing is heard of it until its answer.
func (c *client) beginQuiet(ctx context.Context, args runArgs) <-chan outcome {
	return c.start(ctx, &mcp.CallToolParams{Name: public("steps"), Arguments: args})
}

func (c *client) start(ctx context.Context, params *mcp.CallToolParams) <-chan outcome {
	ended := make(chan outcome, 1)
	go func() {
		text, err := c.send(ctx, params)
		ended <- outcome{text, err}
	}()
	return ended
}

// newRun names a call of steps.
func newRun() string { return "run" + strings.ToLower(rand.Text()[:8]) }
