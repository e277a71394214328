package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Go connects the Go SDK's client. Its Auto and Modern are the same; Modern
// fails the test when the server made it fall back.
func Go(t testing.TB, target Target, era Era) *GoClient {
	t.Helper()
	c := &GoClient{progress: map[string]chan float64{}, Changed: make(chan struct{}, 1), Updated: make(chan struct{}, 1)}
	client := mcp.NewClient(&mcp.Implementation{Name: "interop-go", Version: "1"}, &mcp.ClientOptions{
		ElicitationHandler:          elicit,
		CreateMessageHandler:        sample,
		ProgressNotificationHandler: c.progressed,
		ToolListChangedHandler:      func(context.Context, *mcp.ToolListChangedRequest) { note(c.Changed) },
		ResourceUpdatedHandler:      func(context.Context, *mcp.ResourceUpdatedNotificationRequest) { note(c.Updated) },
	})
	opts := &mcp.ClientSessionOptions{}
	if era == Legacy {
		opts.ProtocolVersion = "2025-11-25"
	}
	session, err := client.Connect(t.Context(), transport(target), opts)
	if err != nil {
		t.Fatalf("connect the Go SDK (%s): %v", era, err)
	}
	t.Cleanup(func() { session.Close() })
	c.session = session
	if modern := c.Version() >= "2026"; modern != (era == Modern) && era != Auto {
		t.Fatalf("the Go SDK (%s) agreed on %s", era, c.Version())
	}
	return c
}

func transport(target Target) mcp.Transport {
	switch {
	case target.SSE:
		return &mcp.SSEClientTransport{Endpoint: target.URL}
	case target.URL != "":
		return &mcp.StreamableClientTransport{Endpoint: target.URL}
	}
	cmd := exec.Command(target.Command, target.Args...)
	cmd.Env = append(os.Environ(), target.Env...)
	cmd.Dir = target.Dir
	return &mcp.CommandTransport{Command: cmd}
}

// elicit answers what must be answered.
func elicit(_ context.Context, req *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
	raw, err := json.Marshal(req.Params.RequestedSchema)
	if err != nil {
		return nil, err
	}
	var schema struct{ Required []string }
	if err := json.Unmarshal(raw, &schema); err != nil {
		return nil, err
	}
	content := map[string]any{}
	for _, property := range schema.Required {
		content[property] = Answer
	}
	return &mcp.ElicitResult{Action: "accept", Content: content}, nil
}

func sample(context.Context, *mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
	return &mcp.CreateMessageResult{Model: "none", Role: "assistant", Content: &mcp.TextContent{Text: Answer}}, nil
}

// GoClient is the Go SDK's client.
type GoClient struct {
	session *mcp.ClientSession
	Changed chan struct{} // holds one once the tool list changed
	Updated chan struct{} // holds one once a resource did

	calls    atomic.Int64
	mu       sync.Mutex
	progress map[string]chan float64 // by token
}

func note(news chan struct{}) {
	select {
	case news <- struct{}{}:
	default:
	}
}

func (c *GoClient) progressed(_ context.Context, req *mcp.ProgressNotificationClientRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case c.progress[fmt.Sprint(req.Params.ProgressToken)] <- req.Params.Progress:
	default: // nobody waits for it, or for that much
	}
}

// Session is the SDK's session, for what the interface does not cover.
func (c *GoClient) Session() *mcp.ClientSession { return c.session }

// Version implements [Client].
func (c *GoClient) Version() string { return c.session.InitializeResult().ProtocolVersion }

// Tools implements [Client].
func (c *GoClient) Tools(ctx context.Context) ([]string, error) {
	return collect(c.session.Tools(ctx, nil), func(t *mcp.Tool) string { return t.Name })
}

// Resources implements [Client].
func (c *GoClient) Resources(ctx context.Context) ([]string, error) {
	return collect(c.session.Resources(ctx, nil), func(r *mcp.Resource) string { return r.URI })
}

// Templates implements [Client].
func (c *GoClient) Templates(ctx context.Context) ([]string, error) {
	return collect(c.session.ResourceTemplates(ctx, nil), func(r *mcp.ResourceTemplate) string { return r.URITemplate })
}

// Prompts implements [Client].
func (c *GoClient) Prompts(ctx context.Context) ([]string, error) {
	return collect(c.session.Prompts(ctx, nil), func(p *mcp.Prompt) string { return p.Name })
}

func collect[T any](all iter.Seq2[T, error], name func(T) string) ([]string, error) {
	var names []string
	for item, err := range all {
		if err != nil {
			return nil, err
		}
		names = append(names, name(item))
	}
	return names, nil
}

// Call implements [Client].
func (c *GoClient) Call(ctx context.Context, tool string, args map[string]any, progress int) (Result, error) {
	token := "call-" + strconv.FormatInt(c.calls.Add(1), 10)
	reports := make(chan float64, 1000)
	c.mu.Lock()
	c.progress[token] = reports
	c.mu.Unlock()
	params := &mcp.CallToolParams{Name: tool, Arguments: args}
	params.SetProgressToken(token)
	res, err := c.session.CallTool(ctx, params)
	if err != nil {
		return Result{}, err
	}
	result := Result{Text: text(res.Content...), IsError: res.IsError, Digest: Digest(res)}
	for len(result.Progress) < progress || len(reports) > 0 {
		select {
		case p := <-reports:
			result.Progress = append(result.Progress, p)
		case <-ctx.Done():
			return result, fmt.Errorf("progress is missing: %w", ctx.Err())
		}
	}
	return result, nil
}

func text(content ...mcp.Content) string {
	var texts []string
	for _, block := range content {
		if t, ok := block.(*mcp.TextContent); ok {
			texts = append(texts, t.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// Read implements [Client].
func (c *GoClient) Read(ctx context.Context, uri string) (string, error) {
	res, err := c.session.ReadResource(ctx, &mcp.ReadResourceParams{URI: uri})
	if err != nil || len(res.Contents) == 0 {
		return "", err
	}
	return res.Contents[0].Text, nil
}

// Prompt implements [Client].
func (c *GoClient) Prompt(ctx context.Context, name string, args map[string]string) (string, error) {
	res, err := c.session.GetPrompt(ctx, &mcp.GetPromptParams{Name: name, Arguments: args})
	if err != nil || len(res.Messages) == 0 {
		return "", err
	}
	return text(res.Messages[0].Content), nil
}

// Complete implements [Client].
func (c *GoClient) Complete(ctx context.Context, prompt, argument, typed string) ([]string, error) {
	res, err := c.session.Complete(ctx, &mcp.CompleteParams{
		Ref:      &mcp.CompleteReference{Type: "ref/prompt", Name: prompt},
		Argument: mcp.CompleteParamsArgument{Name: argument, Value: typed},
	})
	if err != nil {
		return nil, err
	}
	return res.Completion.Values, nil
}
