package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"onemcp/internal/daemon"
	"onemcp/internal/gateway"
)

// opening returns what a person reads first: what runs, where, and what to do next.
func opening(version string, e daemon.Endpoint, file string, looked []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "1mcp %s\n\n", version)
	fmt.Fprintf(&b, "  Endpoint       %s\n", e.URL)
	if file != "" {
		fmt.Fprintf(&b, "  Configuration  %s\n", file)
	} else {
		fmt.Fprintf(&b, "  Configuration  none; looked for %s\n", strings.Join(looked, " and "))
		b.WriteString("                 Until there is one, the built-in example server is served.\n")
	}
	if !e.Loopback {
		fmt.Fprintf(&b, "\n  !! Anybody who reaches %s can call every tool: there is no authentication.\n", e.Address)
		b.WriteString("  !! Set server.host to 127.0.0.1, or put an authenticating proxy in front.\n")
	}
	b.WriteString(connecting(e))
	b.WriteString("\n  Backends (Ctrl-C stops)\n")
	return b.String()
}

// connecting tells what to paste where.
func connecting(e daemon.Endpoint) string {
	if !strings.HasPrefix(e.URL, "http") {
		return "\n  Clients reach the unix socket through a reverse proxy.\n"
	}
	return fmt.Sprintf(`
  Connect a client
    Claude Code  claude mcp add --transport http 1mcp %[1]s
    Cursor       in ~/.cursor/mcp.json:  {"mcpServers": {"1mcp": {"url": "%[1]s"}}}
    VS Code      in .vscode/mcp.json:    {"servers": {"1mcp": {"type": "http", "url": "%[1]s"}}}
`, e.URL)
}

// statusLine tells of one backend.
func statusLine(s gateway.Status) string {
	line := fmt.Sprintf("    %-16s %-9s", s.Name, s.State)
	switch s.State {
	case gateway.Ready:
		line += " " + offered(s)
	case gateway.Starting, gateway.Disabled:
	default:
		line += " " + s.Error
	}
	return strings.TrimRight(line, " ") + "\n"
}

func offered(s gateway.Status) string {
	var parts []string
	for _, c := range []struct {
		n    int
		noun string
	}{{s.Tools, "tool"}, {s.Prompts, "prompt"}, {s.Resources, "resource"}, {s.Templates, "resource template"}} {
		if c.n > 0 {
			parts = append(parts, count(c.n, c.noun))
		}
	}
	if parts == nil {
		return "offers nothing"
	}
	return strings.Join(parts, ", ")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// watched is what the screen needs of a daemon.
type watched interface {
	Status() []gateway.Status
	Changed() <-chan struct{}
}

// follow writes one line for each backend, and one more whenever something else is to be told of it,
// until ctx ends. The starts of retries are not told: they come and go.
func follow(ctx context.Context, w io.Writer, d watched) {
	shown := map[string]string{}
	for {
		changed := d.Changed()
		for _, s := range d.Status() {
			line := statusLine(s)
			retry := s.State == gateway.Starting && shown[s.Name] != ""
			if shown[s.Name] != line && !retry {
				shown[s.Name] = line
				_, _ = io.WriteString(w, line)
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
