package interop_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"onemcp/interop/clients"

	"onemcp/internal/mcp/mcptest"
)

// patience is when an operation counts as hung.
const patience = time.Minute

// check shows that a client gets from a backend what there is. Names of tools
// and prompts carry the prefix; resources never do.
func check(t *testing.T, c clients.Client, b backend, prefix string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	checkTools(ctx, t, c, b, prefix)
	if b.resource != "" {
		checkResources(ctx, t, c, b)
	}
	if b.prompt != "" {
		checkPrompts(ctx, t, c, b, prefix)
	}
}

func checkTools(ctx context.Context, t *testing.T, c clients.Client, b backend, prefix string) {
	t.Helper()
	tools, err := c.Tools(ctx)
	lists(t, "tools", tools, err, prefix+b.tool.name)
	result, err := c.Call(ctx, prefix+b.tool.name, b.tool.args, 0)
	if err != nil || result.IsError || !strings.Contains(result.Text, b.tool.text) {
		t.Errorf("%s: got %+v, %v; want %q", b.tool.name, result, err, b.tool.text)
	}
	if b.counter.name == "" {
		return
	}
	result, err = c.Call(ctx, prefix+b.counter.name, b.counter.args, len(b.progress))
	if err != nil || result.IsError || !strings.Contains(result.Text, b.counter.text) {
		t.Errorf("%s: got %+v, %v; want %q", b.counter.name, result, err, b.counter.text)
	}
	checkProgress(t, c, b, result.Progress)
}

// checkProgress wants all of it in order, but from the TypeScript SDKs only
// how it begins: they drop what they read together with the answer.
func checkProgress(t *testing.T, c clients.Client, b backend, got []float64) {
	t.Helper()
	least := 1
	switch c.(type) {
	case *clients.GoClient:
		least = len(b.progress)
	case *clients.InspectorClient:
		return // it prints no progress
	}
	if len(got) < least || len(got) > len(b.progress) || !slices.Equal(got, b.progress[:len(got)]) {
		t.Errorf("%s reported %v, want %v", b.counter.name, got, b.progress)
	}
}

func checkResources(ctx context.Context, t *testing.T, c clients.Client, b backend) {
	t.Helper()
	resources, err := c.Resources(ctx)
	lists(t, "resources", resources, err, b.resource)
	templates, err := c.Templates(ctx)
	lists(t, "templates", templates, err, b.template)
	text, err := c.Read(ctx, b.resource)
	if err != nil || !strings.HasPrefix(text, b.text) {
		t.Errorf("read %s: got %.80q, %v; want %q", b.resource, text, err, b.text)
	}
}

func checkPrompts(ctx context.Context, t *testing.T, c clients.Client, b backend, prefix string) {
	t.Helper()
	prompts, err := c.Prompts(ctx)
	lists(t, "prompts", prompts, err, prefix+b.prompt)
	text, err := c.Prompt(ctx, prefix+b.prompt, b.promptArgs)
	if err != nil || text != b.promptText {
		t.Errorf("prompt %s: got %q, %v; want %q", b.prompt, text, err, b.promptText)
	}
	values, err := c.Complete(ctx, prefix+b.completed, b.argument, b.typed)
	if errors.Is(err, clients.ErrNotOffered) {
		return
	}
	if err != nil || !slices.Equal(values, b.values) {
		t.Errorf("complete %s of %s: got %q, %v; want %q", b.argument, b.completed, values, err, b.values)
	}
}

func lists(t *testing.T, what string, got []string, err error, want string) {
	t.Helper()
	if err != nil || !slices.Contains(got, want) {
		t.Errorf("%s: got %q, %v; want %q among them", what, got, err, want)
	}
}

// What official clients say against the schemas, each excused where it is said.
var (
	nullArguments = mcptest.Excuse{At: "/params/arguments", Why: "the Go SDK's client sends null for no arguments of a prompt"}
	anyNumber     = mcptest.Excuse{At: "/result/content/number", Why: "the schema of form answers knows whole numbers only, its own forms ask for others"}
	badAnswers    = mcptest.Excuse{At: "/params/inputResponses", Why: "the suite answers wrongly to see what the server says"}
	oldMethods    = mcptest.Excuse{At: "/method", Why: "the suite calls methods that are gone to see what the server says"}
)

// TestEveryMessageIsHeldAgainstItsSchema shows whether the gateways of these tests are watched.
func TestEveryMessageIsHeldAgainstItsSchema(t *testing.T) {
	t.Parallel()
	mcptest.Need(t)
}
