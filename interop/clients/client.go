package clients

import (
	"context"
	"errors"
)

// Answer is what every client answers when it is asked for something.
const Answer = "Ada"

// ErrNotOffered means that a client has no way to do this.
var ErrNotOffered = errors.New("this client does not offer that")

// Era is what a client opens with.
type Era string

// The eras. Auto tries modern and falls back to legacy.
const (
	Legacy Era = "legacy"
	Modern Era = "modern"
	Auto   Era = "auto"
)

// Target is what a client connects to: a URL, or a command over stdio.
type Target struct {
	URL     string   `json:"url,omitempty"`
	SSE     bool     `json:"sse,omitempty"` // URL speaks the old HTTP+SSE
	Command string   `json:"command,omitempty"`
	Args    []string `json:"args,omitempty"`
	Dir     string   `json:"cwd,omitempty"`
	Env     []string `json:"env,omitempty"` // KEY=VALUE, added to the environment
}

// Result is what a tool call came to.
type Result struct {
	Text     string    `json:"text"` // of the text blocks, one a line
	IsError  bool      `json:"isError"`
	Progress []float64 `json:"progress"`
	Task     bool      `json:"task"`   // the call became a task
	Digest   string    `json:"digest"` // of content and structured content, of every byte; see [Digest]
}

// Tasker is a client that can call tools as tasks.
type Tasker interface {
	// CallTask follows the task to its end. It is a plain call if the server
	// does not say that the tool runs as a task.
	CallTask(ctx context.Context, tool string, args map[string]any) (Result, error)
}

// Client is an MCP client that is connected.
type Client interface {
	// Version is the protocol version that was agreed on.
	Version() string
	Tools(ctx context.Context) ([]string, error)
	// Call waits for the answer and, where the client can, for so many
	// notifications of progress, which may be handed out after it.
	Call(ctx context.Context, tool string, args map[string]any, progress int) (Result, error)
	Resources(ctx context.Context) ([]string, error)
	Templates(ctx context.Context) ([]string, error)
	Read(ctx context.Context, uri string) (string, error)
	Prompts(ctx context.Context) ([]string, error)
	Prompt(ctx context.Context, name string, args map[string]string) (string, error)
	// Complete returns the values for an argument of a prompt.
	Complete(ctx context.Context, prompt, argument, typed string) ([]string, error)
}
