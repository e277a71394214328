package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onemcp/internal/mcp/mcptest"
)

// Server is one entry of mcpServers in the gateway's file.
type Server struct {
	Name    string            `json:"-"`
	Command string            `json:"command,omitempty"`
	Args    []string          `json:"args,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	Cwd     string            `json:"cwd,omitempty"`
	URL     string            `json:"url,omitempty"`
	Tags    []string          `json:"tags,omitempty"`

	Protocol          string `json:"protocol,omitempty"`
	Isolation         string `json:"isolation,omitempty"`
	ConnectionTimeout int    `json:"connectionTimeout,omitempty"` // milliseconds
}

// Spec returns a stdio server as a program to run directly.
func (s Server) Spec() Spec {
	spec := Spec{Path: s.Command, Args: s.Args, Dir: s.Cwd}
	for k, v := range s.Env {
		spec.Env = append(spec.Env, k+"="+v)
	}
	return spec
}

// Config is the gateway's file.
type Config struct {
	Servers []Server          // in the order they are written
	Presets map[string]string // name to expression
	Bare    bool              // the merged endpoint shows names as they are, without the prefix
	Metrics bool              // /metrics is served

	Excuses []mcptest.Excuse // for what clients say wrongly, which the gateway passes on as it is

	Untraced bool // messages are not held against the schemas: a trace has the gateway read whole what it would pass on in pieces
}

// Gateway is a running 1mcp.
type Gateway struct {
	*Child
	URL  string // of the merged endpoint
	file string // the configuration
}

// StartGateway runs the gateway on a port of the system's choice, waits until
// it listens, and at the test's end stops it, which it must do cleanly. Every
// message that it has sent by then is held against the protocol's schemas, if
// it is traced.
func StartGateway(t testing.TB, binary string, config Config, env ...string) *Gateway {
	t.Helper()
	spec, err := config.Install(binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	spec.Env = append(spec.Env, env...)
	if !config.Untraced {
		trace := filepath.Join(t.TempDir(), "trace.jsonl")
		spec.Args = append(spec.Args, "--trace-mcp", trace, "--trace-mcp-full")
		t.Cleanup(func() { mcptest.CheckTrace(t, trace, config.Excuses...) })
	}
	child := Start(t, spec)
	t.Cleanup(func() { stopCleanly(t, child) })
	return &Gateway{Child: child, URL: child.Await("that it listens", Listening), file: spec.Args[2]}
}

// Configure puts another configuration in the place of the gateway's, which sees it by itself.
func (g *Gateway) Configure(t testing.TB, c Config) {
	t.Helper()
	text, err := c.encode()
	if err == nil {
		err = errors.Join(os.WriteFile(g.file+".next", text, 0o600), os.Rename(g.file+".next", g.file))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Command returns a command of the gateway's that reads the configuration. Nothing of the user's own is in reach of it.
func (c Config) Command(t testing.TB, binary string, args ...string) Spec {
	t.Helper()
	spec, err := c.Install(binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	spec.Args = append(args, spec.Args[1:]...)
	return spec
}

// stopCleanly ends a gateway that still runs; it must end without an error.
func stopCleanly(t testing.TB, gateway *Child) {
	select {
	case <-gateway.done: // its test ended it
	default:
		if err := gateway.Stop(); err != nil {
			t.Errorf("the gateway did not stop cleanly: %v", err)
		}
	}
}

// Install writes the file into an empty directory that is to be the gateway's
// home, and says how to run the gateway with it.
func (c Config) Install(binary, home string) (Spec, error) {
	file := filepath.Join(home, "mcp.json")
	text, err := c.encode()
	if err != nil {
		return Spec{}, err
	}
	return Spec{
		Path: binary,
		Args: []string{"serve", "--config", file},
		Env:  []string{"HOME=" + home, "XDG_CONFIG_HOME=" + home},
		Dir:  home,
	}, os.WriteFile(file, text, 0o600)
}

// encode writes mcpServers by hand: there, the order of members counts.
func (c Config) encode() ([]byte, error) {
	var servers []string
	for _, s := range c.Servers {
		entry, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		servers = append(servers, fmt.Sprintf("%q: %s", s.Name, entry))
	}
	prefix := "always"
	if c.Bare {
		prefix = "never"
	}
	presets, err := json.Marshal(c.Presets)
	if c.Presets == nil {
		presets = []byte("{}")
	}
	return fmt.Appendf(nil, "{\n  \"server\": {\"port\": 0, \"metrics\": %t, \"names\": {\"prefix\": %q}},\n  \"presets\": %s,\n  \"mcpServers\": {\n    %s\n  }\n}\n",
		c.Metrics, prefix, presets, strings.Join(servers, ",\n    ")), err
}

// Listening reads the log line that says where the gateway serves.
func Listening(line string) (string, bool) {
	var entry struct {
		Msg string `json:"msg"`
		URL string `json:"url"`
	}
	err := json.Unmarshal([]byte(line), &entry)
	return entry.URL, err == nil && entry.Msg == "listening" && entry.URL != ""
}

// Endpoint is the URL of a path beside the merged endpoint.
func (g *Gateway) Endpoint(path string) string {
	return strings.TrimSuffix(g.URL, "/mcp") + path
}
