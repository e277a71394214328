package interop_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

// backend is a real server and what is known of it.
type backend struct {
	server harness.Server

	tool call // one tool that answers with a text

	counter  call      // one tool that reports progress; may have no name
	progress []float64 // that the counter reports

	resource, text string // one resource and its text, or how it begins
	template       string

	prompt     string // one prompt
	promptArgs map[string]string
	promptText string

	completed, argument, typed string // one prompt's completion
	values                     []string
}

type call struct {
	name string
	args map[string]any
	text string // that the answer holds
}

// target is the server itself, with nothing between.
func (b backend) target() clients.Target {
	spec := b.server.Spec()
	return clients.Target{URL: b.server.URL, SSE: strings.HasSuffix(b.server.URL, "/sse"), Command: spec.Path, Args: spec.Args, Env: spec.Env, Dir: spec.Dir}
}

// lineup is every backend there is, HTTP servers started.
func lineup(t *testing.T) []backend {
	t.Helper()
	node.Need(t)
	goHTTP, goStateless := goEverything(), goEverything()
	goHTTP.server = harness.Server{Name: "gohttp", URL: harness.StartGoEverything(t, bin.GoEverything, false), Tags: []string{"go", "http"}}
	goStateless.server = harness.Server{Name: "gostateless", URL: harness.StartGoEverything(t, bin.GoEverything, true), Tags: []string{"go", "http"}}
	everythingHTTP := everything()
	everythingHTTP.server = harness.Server{Name: "everythinghttp", URL: node.StartEverythingHTTP(t), Tags: []string{"ts", "http"}}
	return []backend{example(), everything(), everythingHTTP, filesystem(t), memory(t), goEverything(), goHTTP, goStateless}
}

func example() backend {
	return backend{
		server:    harness.Server{Name: "example", Command: bin.OneMCP, Args: []string{"example-server"}, Tags: []string{"own"}},
		tool:      call{"echo", map[string]any{"text": "hällo <&>"}, "hällo <&>"},
		counter:   call{"count", map[string]any{"steps": 3, "delay": 20}, "Counted to 3."},
		progress:  []float64{1, 2, 3},
		resource:  "example://greeting",
		text:      "Hello from 1mcp.",
		template:  "example://greet/{name}",
		prompt:    "greet",
		completed: "greet", argument: "name", typed: "a", values: []string{"Ada", "Alan"},
		promptArgs: map[string]string{"name": "Ada"},
		promptText: "Please greet Ada warmly.",
	}
}

func everything() backend {
	server := node.Script("everything", node.Package("@modelcontextprotocol/server-everything/dist/index.js"), "stdio")
	server.Tags = []string{"ts", "local"}
	return backend{
		server:     server,
		tool:       call{"echo", map[string]any{"message": "hi"}, "Echo: hi"},
		counter:    call{"trigger-long-running-operation", map[string]any{"duration": 0.3, "steps": 3}, "completed"},
		progress:   []float64{1, 2, 3},
		resource:   "demo://resource/static/document/features.md",
		text:       "# Everything Server",
		template:   "demo://resource/dynamic/text/{resourceId}",
		prompt:     "args-prompt",
		promptArgs: map[string]string{"city": "Paris"},
		promptText: "What's weather in Paris?",
		completed:  "completable-prompt", argument: "department", typed: "E", values: []string{"Engineering"},
	}
}

func filesystem(t *testing.T) backend {
	dir := t.TempDir()
	file := filepath.Join(dir, "note.txt")
	if err := os.WriteFile(file, []byte("a note\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := node.Script("filesystem", node.Package("@modelcontextprotocol/server-filesystem/dist/index.js"), dir)
	server.Tags = []string{"ts", "local"}
	return backend{server: server, tool: call{"read_text_file", map[string]any{"path": file}, "a note"}}
}

func memory(t *testing.T) backend {
	server := node.Script("memory", node.Package("@modelcontextprotocol/server-memory/dist/index.js"))
	server.Env = map[string]string{"MEMORY_FILE_PATH": filepath.Join(t.TempDir(), "memory.jsonl")}
	server.Tags = []string{"ts", "local"}
	ada := map[string]any{"name": "Ada", "entityType": "person", "observations": []string{"wrote notes"}}
	return backend{server: server, tool: call{"create_entities", map[string]any{"entities": []any{ada}}, "["}}
}

func goEverything() backend {
	return backend{
		server:     harness.Server{Name: "go", Command: bin.GoEverything, Tags: []string{"go", "local"}},
		tool:       call{"test_simple_text", map[string]any{}, "This is a simple text response for testing."},
		counter:    call{name: "test_tool_with_progress", args: map[string]any{}},
		progress:   []float64{0, 50, 100},
		resource:   "test://static-text",
		text:       "This is the content of the static text resource.",
		template:   "test://template/{id}/data",
		prompt:     "test_simple_prompt",
		promptText: "This is a simple prompt for testing.",
		completed:  "test_prompt_with_arguments", argument: "arg1", typed: "x", values: []string{},
	}
}
