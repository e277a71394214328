package middle

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// OneMCP is the gateway as a user gets it, with everything on: guards, trust proxy, metrics, limits
// (so high that they refuse nothing), and the access log, as JSON lines in a file.
func OneMCP(binary string) Kind {
	return Kind{
		Name:  "1mcp",
		Fits:  func(Setup) bool { return true },
		Start: func(s Setup) (*Running, error) { return startOneMCP(binary, s) },
	}
}

func startOneMCP(binary string, s Setup) (*Running, error) {
	file := filepath.Join(s.Dir, "mcp.json")
	if err := os.WriteFile(file, configuration(s), 0o600); err != nil {
		return nil, err
	}
	argv := []string{binary, "serve", "--config", file, "--log-format", "json", "--state-dir", s.Dir}
	p, err := start(s.Dir, "1mcp", argv, []string{"HOME=" + s.Dir, "XDG_CONFIG_HOME=" + s.Dir})
	if err != nil {
		return nil, err
	}
	url, err := p.awaitURL(logged)
	return p.running(url, err)
}

func configuration(s Setup) []byte {
	servers := map[string]any{}
	for _, b := range s.Backends {
		server := map[string]any{"url": b.URL}
		if b.Command != nil {
			server = map[string]any{"command": b.Command[0], "args": b.Command[1:]}
		}
		if s.Isolation != "" {
			server["isolation"] = s.Isolation
		}
		servers[b.Name] = server
	}
	text, err := json.MarshalIndent(servers, "  ", "  ")
	if err != nil {
		panic(err) // strings only
	}
	return fmt.Appendf(nil, `{
  "server": {
    %s"port": 0,
    "trustProxy": ["loopback"],
    "metrics": true,
    "maxSessions": 50000,
    "maxSessionsPerClient": 50000,
    "rateLimit": {"perClient": 1000000000, "global": 1000000000}
  },
  "mcpServers": %s
}
`, s.OneMCP, text)
}

// logged finds the URL in the line of 1mcp's log that says where it listens.
func logged(line string) string {
	var entry struct{ Msg, URL string }
	if !strings.Contains(line, `"listening"`) || json.Unmarshal([]byte(line), &entry) != nil || entry.Msg != "listening" {
		return ""
	}
	return entry.URL
}
