//go:build linux

package proxies_test

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// asBackend is the environment variable that makes the test binary an MCP
// server on stdin and stdout.
const asBackend = "PROXIES_TEST_BACKEND"

// backend is a server whose calls take the steps that they are permitted, so
// that a test never waits for time: what it has not yet seen cannot go on.
type backend struct {
	server *mcp.Server

	mu   sync.Mutex
	runs map[string]*course
}

// course is the life of one call of steps.
type course struct {
	begun, cancelled chan struct{}
	permits          chan struct{}
}

type runArgs struct {
	Run   string `json:"run"`
	Steps int    `json:"steps,omitempty"`
}

func serveBackend() int {
	b := &backend{
		server: mcp.NewServer(&mcp.Implementation{Name: "steps", Version: "1"}, nil),
		runs:   map[string]*course{},
	}
	for name, tool := range map[string]func(context.Context, *mcp.CallToolRequest, runArgs) (string, error){
		"echo":      b.echo,
		"steps":     b.steps,
		"permit":    b.permit,
		"begun":     b.awaitBegun,
		"cancelled": b.awaitCancelled,
		"announce":  b.announce,
	} {
		mcp.AddTool(b.server, &mcp.Tool{Name: name}, answering(tool))
	}
	if err := b.server.Run(context.Background(), &mcp.StdioTransport{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func answering(tool func(context.Context, *mcp.CallToolRequest, runArgs) (string, error)) mcp.ToolHandlerFor[runArgs, any] {
	return func(ctx context.Context, req *mcp.CallToolRequest, args runArgs) (*mcp.CallToolResult, any, error) {
		text, err := tool(ctx, req, args)
		if err != nil {
			return nil, nil, err
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, nil, nil
	}
}

func (b *backend) course(run string) *course {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.runs[run] == nil {
		b.runs[run] = &course{begun: make(chan struct{}), cancelled: make(chan struct{}), permits: make(chan struct{})}
	}
	return b.runs[run]
}

func (b *backend) echo(_ context.Context, _ *mcp.CallToolRequest, args runArgs) (string, error) {
	return args.Run, nil
}

// steps reports each step and waits until the next is permitted.
func (b *backend) steps(ctx context.Context, req *mcp.CallToolRequest, args runArgs) (string, error) {
	c := b.course(args.Run)
	close(c.begun)
	for step := range args.Steps {
		if token := req.Params.GetProgressToken(); token != nil {
			progress := &mcp.ProgressNotificationParams{ProgressToken: token, Progress: float64(step + 1)}
			if err := req.Session.NotifyProgress(ctx, progress); err != nil {
				return "", err
			}
		}
		select {
		case <-c.permits:
		case <-ctx.Done():
			close(c.cancelled)
			return "", ctx.Err()
		}
	}
	return fmt.Sprintf("%s took %d steps", args.Run, args.Steps), nil
}

func (b *backend) permit(ctx context.Context, _ *mcp.CallToolRequest, args runArgs) (string, error) {
	select {
	case b.course(args.Run).permits <- struct{}{}:
		return "permitted", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (b *backend) awaitBegun(ctx context.Context, _ *mcp.CallToolRequest, args runArgs) (string, error) {
	return await(ctx, b.course(args.Run).begun, "begun")
}

func (b *backend) awaitCancelled(ctx context.Context, _ *mcp.CallToolRequest, args runArgs) (string, error) {
	return await(ctx, b.course(args.Run).cancelled, "cancelled")
}

func await(ctx context.Context, fact <-chan struct{}, name string) (string, error) {
	select {
	case <-fact:
		return name, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// announce adds a tool with the run's name, which changes the list.
func (b *backend) announce(_ context.Context, _ *mcp.CallToolRequest, args runArgs) (string, error) {
	mcp.AddTool(b.server, &mcp.Tool{Name: args.Run}, answering(b.echo))
	return "announced", nil
}
