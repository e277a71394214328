package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"onemcp/interop/harness"
)

// SDK names one of the TypeScript SDKs.
type SDK string

// V1 speaks the legacy era only; V2 both.
const (
	V1 SDK = "v1"
	V2 SDK = "v2"
)

// Node connects a TypeScript SDK's client, in a child process.
func Node(t testing.TB, node *harness.Node, sdk SDK, target Target, era Era) Client {
	t.Helper()
	node.Need(t)
	c, err := startNode(node)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	open := map[string]any{"sdk": sdk, "era": era, "target": target, "answer": Answer}
	if err := c.ask(t.Context(), open, &c.version); err != nil {
		t.Fatalf("connect the TypeScript SDK (%s, %s): %v", sdk, era, err)
	}
	if modern := c.version >= "2026"; modern != (era == Modern) && era != Auto {
		t.Fatalf("the TypeScript SDK (%s, %s) agreed on %s", sdk, era, c.version)
	}
	return c
}

type nodeClient struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	stderr  bytes.Buffer // read after the child's end only
	mu      sync.Mutex   // one request at a time
	version string
}

func startNode(node *harness.Node) (*nodeClient, error) {
	c := &nodeClient{cmd: exec.Command(node.Path, filepath.Join(harness.Root(), "node", "client.mjs"))}
	c.cmd.Stderr = &c.stderr
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.out = in, bufio.NewReader(out)
	return c, c.cmd.Start()
}

// stop closes the child's input, which ends it, after closing its session.
func (c *nodeClient) stop() {
	c.in.Close()
	_ = c.cmd.Wait() // how it ended is no fact that a test waits for
}

// ask sends one request and reads its reply. When ctx ends first, the child
// is killed, since its replies could no longer be told apart.
func (c *nodeClient) ask(ctx context.Context, request, value any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer context.AfterFunc(ctx, func() { _ = c.cmd.Process.Kill() })()
	if err := json.NewEncoder(c.in).Encode(request); err != nil {
		return err
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("the client ended: %w", err))
	}
	var reply struct {
		Value json.RawMessage
		Error string
	}
	if err := json.Unmarshal(line, &reply); err != nil {
		return err
	}
	if reply.Error != "" {
		return errors.New(reply.Error)
	}
	return json.Unmarshal(reply.Value, value)
}

func askNode[T any](ctx context.Context, c *nodeClient, op string, members map[string]any) (T, error) {
	request := map[string]any{"op": op}
	for name, member := range members {
		request[name] = member
	}
	var value T
	err := c.ask(ctx, request, &value)
	return value, err
}

func (c *nodeClient) Version() string { return c.version }

func (c *nodeClient) Tools(ctx context.Context) ([]string, error) {
	return askNode[[]string](ctx, c, "tools", nil)
}

func (c *nodeClient) Resources(ctx context.Context) ([]string, error) {
	return askNode[[]string](ctx, c, "resources", nil)
}

func (c *nodeClient) Templates(ctx context.Context) ([]string, error) {
	return askNode[[]string](ctx, c, "templates", nil)
}

func (c *nodeClient) Prompts(ctx context.Context) ([]string, error) {
	return askNode[[]string](ctx, c, "prompts", nil)
}

func (c *nodeClient) Call(ctx context.Context, tool string, args map[string]any, _ int) (Result, error) {
	return askNode[Result](ctx, c, "call", map[string]any{"tool": tool, "args": args})
}

// CallTask implements [Tasker], with [V1] only.
func (c *nodeClient) CallTask(ctx context.Context, tool string, args map[string]any) (Result, error) {
	return askNode[Result](ctx, c, "task", map[string]any{"tool": tool, "args": args})
}

func (c *nodeClient) Read(ctx context.Context, uri string) (string, error) {
	return askNode[string](ctx, c, "read", map[string]any{"uri": uri})
}

func (c *nodeClient) Prompt(ctx context.Context, name string, args map[string]string) (string, error) {
	return askNode[string](ctx, c, "prompt", map[string]any{"name": name, "args": args})
}

func (c *nodeClient) Complete(ctx context.Context, prompt, argument, typed string) ([]string, error) {
	return askNode[[]string](ctx, c, "complete", map[string]any{"prompt": prompt, "argument": argument, "typed": typed})
}
