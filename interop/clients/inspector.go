package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"onemcp/interop/harness"
)

// Inspector is the MCP Inspector in CLI mode, opening with the era in each of
// its operations.
func Inspector(t testing.TB, node *harness.Node, target Target, era Era) Client {
	t.Helper()
	node.Need(t)
	c := &InspectorClient{node: node, home: t.TempDir(), options: []string{"--protocol-era", string(era), "--format", "json", "--quiet"}}
	if target.URL != "" {
		c.target = []string{target.URL, "--transport", "http"}
		if target.SSE {
			c.target[2] = "sse"
		}
		return c
	}
	c.target = append([]string{target.Command}, target.Args...)
	if target.Dir != "" {
		c.options = append(c.options, "--cwd", target.Dir)
	}
	for _, kv := range target.Env {
		c.options = append(c.options, "-e", kv)
	}
	return c
}

// InspectorClient is the Inspector.
type InspectorClient struct {
	node            *harness.Node
	home            string // so that it finds no settings of the user
	target, options []string
}

// run calls one method and decodes the result into value.
func (c *InspectorClient) run(ctx context.Context, value any, method string, more ...string) error {
	args := []string{c.node.Package("@modelcontextprotocol/inspector/clients/launcher/build/index.js"), "--cli"}
	args = slices.Concat(args, c.target, c.options, []string{"--method", method}, more)
	cmd := exec.CommandContext(ctx, c.node.Path, args...)
	cmd.Env = append(os.Environ(), "HOME="+c.home)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	reply := struct{ Result any }{value}
	if decoded := json.Unmarshal(out, &reply); decoded != nil {
		return fmt.Errorf("inspector %s: %w\n%s%s", method, err, out, stderr.Bytes())
	}
	return nil // a tool's own error is in its result, whatever the exit code
}

// Version is unknown: the CLI does not say.
func (c *InspectorClient) Version() string { return "" }

type item struct{ Name, URI, URITemplate string }

func (c *InspectorClient) list(ctx context.Context, method, member string, name func(item) string) ([]string, error) {
	var result map[string]json.RawMessage
	if err := c.run(ctx, &result, method); err != nil {
		return nil, err
	}
	var items []item
	if err := json.Unmarshal(result[member], &items); err != nil {
		return nil, err
	}
	var names []string
	for _, it := range items {
		names = append(names, name(it))
	}
	return names, nil
}

func (c *InspectorClient) Tools(ctx context.Context) ([]string, error) {
	return c.list(ctx, "tools/list", "tools", func(i item) string { return i.Name })
}

func (c *InspectorClient) Resources(ctx context.Context) ([]string, error) {
	return c.list(ctx, "resources/list", "resources", func(i item) string { return i.URI })
}

func (c *InspectorClient) Templates(ctx context.Context) ([]string, error) {
	return c.list(ctx, "resources/templates/list", "resourceTemplates", func(i item) string { return i.URITemplate })
}

func (c *InspectorClient) Prompts(ctx context.Context) ([]string, error) {
	return c.list(ctx, "prompts/list", "prompts", func(i item) string { return i.Name })
}

func (c *InspectorClient) Call(ctx context.Context, tool string, args map[string]any, _ int) (Result, error) {
	raw, err := json.Marshal(args)
	if err != nil {
		return Result{}, err
	}
	var result struct {
		Content []struct{ Text string }
		IsError bool
	}
	if err := c.run(ctx, &result, "tools/call", "--tool-name", tool, "--tool-args-json", string(raw)); err != nil {
		return Result{}, err
	}
	var texts []string
	for _, block := range result.Content {
		texts = append(texts, block.Text)
	}
	return Result{Text: strings.Join(texts, "\n"), IsError: result.IsError}, nil
}

func (c *InspectorClient) Read(ctx context.Context, uri string) (string, error) {
	var result struct{ Contents []struct{ Text string } }
	if err := c.run(ctx, &result, "resources/read", "--uri", uri); err != nil || len(result.Contents) == 0 {
		return "", err
	}
	return result.Contents[0].Text, nil
}

func (c *InspectorClient) Prompt(ctx context.Context, name string, args map[string]string) (string, error) {
	more := []string{"--prompt-name", name}
	for _, key := range slices.Sorted(maps.Keys(args)) {
		more = append(more, "--prompt-args", key+"="+args[key])
	}
	var result struct {
		Messages []struct{ Content struct{ Text string } }
	}
	if err := c.run(ctx, &result, "prompts/get", more...); err != nil || len(result.Messages) == 0 {
		return "", err
	}
	return result.Messages[0].Content.Text, nil
}

func (c *InspectorClient) Complete(context.Context, string, string, string) ([]string, error) {
	return nil, ErrNotOffered
}
