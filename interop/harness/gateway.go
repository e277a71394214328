package harness

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

	ConnectionTimeout int `json:"connectionTimeout,omitempty"` // milliseconds
}

// Spec returns a stdio server as a program to run directly.
func (s Server) Spec() Spec {
	spec := Spec{Path: s.Command, Args: s.Args, Dir: s.Cwd}
	for k, v := range s.Env {
		spec.Env = append(spec.Env, k+"="+v)
	}
	return spec
}

// Gateway is a running 1mcp.
type Gateway struct {
	*Child
	URL string // of the merged endpoint
}

// StartGateway runs the gateway in front of the servers, in their order, on
// a port of the system's choice, and waits until it listens.
func StartGateway(t testing.TB, binary string, servers []Server, env ...string) *Gateway {
	t.Helper()
	home := t.TempDir()
	file := filepath.Join(home, "mcp.json")
	if err := os.WriteFile(file, configFor(t, servers), 0o600); err != nil {
		t.Fatal(err)
	}
	env = append(env, "HOME="+home, "XDG_CONFIG_HOME="+home)
	child := Start(t, Spec{Path: binary, Args: []string{"serve", "--config", file}, Env: env, Dir: home})
	t.Cleanup(func() { stopCleanly(t, child) })
	return &Gateway{Child: child, URL: child.Await("that it listens", listening)}
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

// configFor writes the file by hand where the order of members counts.
func configFor(t testing.TB, servers []Server) []byte {
	var b strings.Builder
	b.WriteString("{\n  \"server\": {\"port\": 0},\n  \"mcpServers\": {")
	for i, s := range servers {
		entry, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n    \"" + s.Name + "\": " + string(entry))
	}
	b.WriteString("\n  }\n}\n")
	return []byte(b.String())
}

// listening reads the log line that says where the gateway serves.
func listening(line string) (string, bool) {
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
