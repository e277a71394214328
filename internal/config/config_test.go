package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onemcp/internal/config"
	"onemcp/internal/fault"
	"onemcp/internal/secret"
	"onemcp/internal/trustproxy"
)

// parse loads a text that must be free of errors.
func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, problems := config.Parse("mcp.json", []byte(text), environment())
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	return cfg
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	want := config.Server{
		Host: "127.0.0.1", Port: 3000, SocketMode: 0o660,
		MaxBodySize: 16 << 20, MaxHeaderSize: 64 << 10, HeartbeatInterval: 15 * time.Second,
		SessionIdleTimeout: 30 * time.Minute, MaxSessions: 10000, SessionsPerClient: 1000,
		Names:    config.Names{Separator: "_1mcp_", Prefix: "always"},
		LogLevel: "info", LogFormat: "auto",
		TrustProxy: trustproxy.Default(), ProxyProtocol: "off", OnUntrustedHeaders: "ignore",
		RateLimit: config.RateLimit{IPv6Prefix: 64},
	}
	for _, text := range []string{`{}`, `{"server": {}}`, `{"server": {"names": {}}}`} {
		if got := parse(t, text).Server; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s gives %+v, want %+v", text, got, want)
		}
	}
	if got := config.Default().Server; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Default gives %+v, want %+v", got, want)
	}
}

func TestTheSectionServer(t *testing.T) {
	t.Parallel()
	got := parse(t, `{"server": {
		"host": "::1", "port": 0, "socketMode": "600", "maxBodySize": 1024, "maxHeaderSize": 8192, "heartbeatInterval": 5000, "pageSize": 2,
		"sessionIdleTimeout": 1000, "maxSessions": 3, "maxSessionsPerClient": 2, "names": {"separator": "-", "prefix": "never", "maxLength": 64},
		"logLevel": "error", "logFormat": "json", "trustProxy": {"proxies": ["10.0.0.0/8", /* ours */],}}}`).Server
	trust := got.TrustProxy
	got.TrustProxy = trustproxy.Setting{}
	want := config.Server{
		Host: "::1", SocketMode: 0o600, MaxBodySize: 1024, MaxHeaderSize: 8192, HeartbeatInterval: 5 * time.Second, PageSize: 2,
		SessionIdleTimeout: time.Second, MaxSessions: 3, SessionsPerClient: 2, Names: config.Names{Separator: "-", Prefix: "never", MaxLength: 64},
		LogLevel: "error", LogFormat: "json", ProxyProtocol: "off", OnUntrustedHeaders: "ignore", RateLimit: config.RateLimit{IPv6Prefix: 64},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("server = %+v, want %+v", got, want)
	}
	if trust.String() != "10.0.0.0/8" || !trust.Explicit() {
		t.Errorf("trustProxy = %s", trust)
	}
	if listen := parse(t, `{"server": {"listen": "unix:/run/1mcp.sock"}}`).Server.Listen; listen != "/run/1mcp.sock" {
		t.Errorf("listen = %q", listen)
	}
}

// Secrets are planted in every place where a person may put one; no way of printing shows them.
func TestNoPrintShowsASecret(t *testing.T) {
	t.Parallel()
	const planted = "hunter2hunter2hunter2"
	text := strings.ReplaceAll(`{
		"serverDefaults": {"env": {"SHARED": "SECRET"}},
		"mcpServers": {
			"local": {"command": "x", "args": ["--key=SECRET", "${TOKEN}"], "env": {"A": "SECRET", "B": "${TOKEN}"}},
			"list": {"command": "x", "env": ["A=SECRET", "TOKEN"], "isolation": "x", "enabledTools": ["["]},
			"remote": {"url": "https://user:SECRET@example.com/s/SECRET/mcp?key=SECRET", "headers": {"Authorization": "Bearer SECRET"}},
			"broken": {"url": "SECRET://", "headers": {"Authorization: SECRET": "", "X": 1, "Y": "${NONE}SECRET"}},
			"name": {"command": "x", "env": {"A=SECRET": "x"}},
			"number": {"command": "x", "maxConcurrency": "${TOKEN}", "disabled": "${TOKEN}", "isolation": "${TOKEN}"},
		}}`, "SECRET", planted)
	cfg, problems := config.Parse("mcp.json", []byte(text), environment("TOKEN="+planted))
	if cfg == nil || !problems.HasErrors() {
		t.Fatalf("config = %v with %v", cfg, problems)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", cfg, "problems", problems, "server", cfg.Servers[0])
	asJSON, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{log.String(), string(asJSON), problems.Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		shown = append(shown, fmt.Sprintf(verb, cfg), fmt.Sprintf(verb, *cfg), fmt.Sprintf(verb, cfg.Servers), fmt.Sprintf(verb, problems))
	}
	for i := range cfg.Servers {
		shown = append(shown, cfg.Servers[i].Target())
	}
	for _, out := range shown {
		if strings.Contains(out, planted) || strings.Contains(out, fmt.Sprintf("%x", planted)) {
			at := strings.Index(out, planted)
			t.Errorf("a secret is shown: %.200s", out[max(0, at-100):])
		}
	}
}

func TestSyntaxProblemsQuoteNoLiteral(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"{\"a\": \"hunter2\n\"}", `{"a": "hunter2\q"}`, `{"a": hunter2}`, `{"a": "x" "hunter2"}`, `{hunter2: 1}`, `{"hunter2`,
	} {
		_, problems := config.Parse("mcp.json", []byte(text), environment())
		if !problems.Fatal() || strings.Contains(problems.Error(), "hunter2") {
			t.Errorf("%q gives %v", text, problems)
		}
	}
}

// The archives of testdata end with a line feed always; files that were cut off do not.
func TestTheEndOfACutFileIsNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"mcpServers": {"a": `:        "mcp.json:1:22: the file ends too early (a bracket, quote or comment is not closed)",
		"{\n\t\"mcpServers\": {}":      "mcp.json:2:18: the file ends too early (a bracket, quote or comment is not closed)",
		"{}\n/* open":                  "mcp.json:2:1: the file ends too early (a bracket, quote or comment is not closed)",
		"/* open":                      "mcp.json:1:1: the file ends too early (a bracket, quote or comment is not closed)",
		"":                             `mcp.json:1:1: the file is empty (write {"mcpServers": {}} into it, or remove it)`,
		"// nothing":                   `mcp.json:1:11: the file is empty (write {"mcpServers": {}} into it, or remove it)`,
		"/* nothing */ // at all\n \t": `mcp.json:2:3: the file is empty (write {"mcpServers": {}} into it, or remove it)`,
	} {
		_, problems := config.Parse("mcp.json", []byte(text), environment())
		if got := problems.Error(); got != want {
			t.Errorf("%q: %s\nwant: %s", text, got, want)
		}
	}
}

func TestADirectoryInPlaceOfTheFileIsNamed(t *testing.T) {
	t.Parallel()
	_, problems := config.Load(t.TempDir(), environment())
	if want := "this is a directory, and not a file (containers make one"; !problems.Fatal() || !strings.Contains(problems.Error(), want) {
		t.Errorf("got %v, want %s", problems, want)
	}
}

func TestTargetIsForPeople(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, url, want string }{
		{"plain", "https://example.com/mcp", "https://example.com/mcp"},
		{"query", "https://example.com:8443/mcp?key=1", "https://example.com:8443/mcp?[redacted]"},
		{"user", "https://me:pw@example.com/mcp#f", "https://example.com/mcp"},
		{"key in the path", "https://example.com/s/NzQ1ZmYxZjAtYWJj/mcp", "https://example.com/s/[redacted]/mcp"},
		{"a long word is no key", "https://example.com/streamable-http-endpoint", "https://example.com/streamable-http-endpoint"},
		{"not a URL", "::", "[not a URL]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := config.RedactURL(secret.New(tt.url)); got != tt.want {
				t.Errorf("RedactURL = %s, want %s", got, tt.want)
			}
		})
	}
	if got := parse(t, `{"mcpServers": {"a": {"command": "npx", "args": ["x"]}}}`).Servers[0].Target(); got != "npx" {
		t.Errorf("Target = %q", got)
	}
}

func TestChildEnv(t *testing.T) {
	t.Parallel()
	parent := []string{"PATH=/bin", "HOME=/root", "AWS_SECRET=s", "NODE_ENV=dev", "BASH_FUNC_x%%=() { :; }", "SHELL=() { :; }", "=C:=C:\\", "noequals"}
	tests := []struct{ name, entry string }{
		{"HOME=/root PATH=/bin", `{}`},
		{"AWS_SECRET=s HOME=/root NODE_ENV=dev PATH=/bin", `{"inheritParentEnv": true}`},
		{"A=1 HOME=/root PATH=/own", `{"env": {"A": "1", "PATH": "/own"}}`},
		{"NODE_ENV=dev PATH=/bin", `{"inheritParentEnv": true, "envFilter": ["PATH", "NODE_*"]}`},
		{"HOME=/root NODE_ENV=dev PATH=/bin", `{"inheritParentEnv": true, "envFilter": ["!AWS_*"]}`},
		{"HOME=/root", `{"inheritParentEnv": true, "envFilter": ["!NODE_ENV", "*", "!AWS_*", "!PATH"]}`},
		{"AWS_SECRET=own", `{"env": ["AWS_SECRET=own"], "envFilter": ["NOTHING"]}`},
	}
	for _, tt := range tests {
		t.Run(tt.entry, func(t *testing.T) {
			t.Parallel()
			text := `{"mcpServers": {"a": {"command": "x", ` + strings.TrimPrefix(tt.entry, "{") + `}}`
			s := parse(t, strings.Replace(text, ", }", "}", 1)).Servers[0]
			if got := strings.Join(s.ChildEnv(parent), " "); got != tt.name {
				t.Errorf("ChildEnv = %s, want %s", got, tt.name)
			}
		})
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	cwd, home := filepath.FromSlash("/work"), filepath.FromSlash("/home/me/.config")
	inCwd, inHome := filepath.Join(cwd, "mcp.json"), filepath.Join(home, "1mcp", "mcp.json")
	named := filepath.Join(cwd, "named.json")
	tests := []struct {
		name, flag, env string
		there           []string
		path            string
		looked          []string
		fails           bool
	}{
		{"the flag goes before all", "named.json", "other.json", []string{named, inCwd}, named, []string{named}, false},
		{"the variable goes before the places", "", "named.json", []string{named, inCwd}, named, []string{named}, false},
		{"the working directory goes before the user's", "", "", []string{inCwd, inHome}, inCwd, []string{inCwd}, false},
		{"the user's comes last", "", " ", []string{inHome}, inHome, []string{inCwd, inHome}, false},
		{"nothing at all", "", "", nil, "", []string{inCwd, inHome}, false},
		{"a named file must exist", "named.json", "", []string{inCwd}, "", []string{named}, true},
		{"so must one that the variable names", "", "named.json", []string{inCwd}, "", []string{named}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			exists := func(path string) bool { return slices.Contains(tt.there, path) }
			path, looked, err := config.Find(tt.flag, environment("ONE_MCP_CONFIG="+tt.env), cwd, home, exists)
			if path != tt.path || !slices.Equal(looked, tt.looked) || (err != nil) != tt.fails {
				t.Errorf("Find = %q, %q, %v", path, looked, err)
			}
			if err != nil && (fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), named)) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestTrustProxyPrecedence(t *testing.T) {
	t.Parallel()
	file, err := trustproxy.ParseText("10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, flag string
		env        []string
		want       string
		problems   string
	}{
		{"the file", "", nil, "10.0.0.1", ""},
		{"the short variable goes before the file", "", []string{"TRUST_PROXY=true"}, "true", ""},
		{"the long variable goes before the short one", "", []string{"TRUST_PROXY=true", "ONE_MCP_TRUST_PROXY=2"}, "2", ""},
		{"the flag goes before both", "loopback", []string{"TRUST_PROXY=true", "ONE_MCP_TRUST_PROXY=2"}, "loopback", ""},
		{"blank is not set", "", []string{"TRUST_PROXY= ", "ONE_MCP_TRUST_PROXY="}, "10.0.0.1", ""},
		{"JSON in a variable", "", []string{`TRUST_PROXY=["10.0.0.2"]`}, "10.0.0.2", ""},
		{"a refused value falls back to nothing wider", "", []string{"TRUST_PROXY=proxy.example"}, "10.0.0.1", "TRUST_PROXY: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, problems := config.Override(config.Server{TrustProxy: file}, config.Flags{TrustProxy: tt.flag}, environment(tt.env...))
			if got.TrustProxy.String() != tt.want || !strings.HasPrefix(problems.Error(), tt.problems) || problems.Fatal() != (tt.problems != "") {
				t.Errorf("trustProxy = %s, problems %q", got.TrustProxy, problems.Error())
			}
		})
	}
}

func TestOverride(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		flags    config.Flags
		env      []string
		want     string
		problems string
	}{
		{"nothing", config.Flags{}, nil, "filehost:1 /s", ""},
		{"the environment goes before the file", config.Flags{}, []string{"ONE_MCP_HOST=envhost", "ONE_MCP_PORT=2"}, "envhost:2 ", ""},
		{"the flag goes before the environment", config.Flags{Host: "flaghost", Port: "0"}, []string{"ONE_MCP_HOST=envhost", "ONE_MCP_PORT=2"}, "flaghost:0 ", ""},
		{"each on its own", config.Flags{Port: "3"}, []string{"ONE_MCP_HOST=envhost"}, "envhost:3 ", ""},
		{"blank is not set", config.Flags{}, []string{"ONE_MCP_HOST=", "ONE_MCP_PORT= "}, "filehost:1 /s", ""},
		{"a wrong flag", config.Flags{Port: "x"}, []string{"ONE_MCP_PORT=2"}, "filehost:1 /s", `--port: "x" is not a port (a whole number from 0 to 65535)`},
		{"a wrong variable", config.Flags{}, []string{"ONE_MCP_PORT=65536"}, "filehost:1 /s", `ONE_MCP_PORT: "65536" is not a port (a whole number from 0 to 65535)`},
		{"a wrong variable that does not count", config.Flags{Port: "4"}, []string{"ONE_MCP_PORT=x"}, "filehost:4 ", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := config.Server{Host: "filehost", Port: 1, Listen: "/s"}
			got, problems := config.Override(file, tt.flags, environment(tt.env...))
			if text := fmt.Sprintf("%s:%d %s", got.Host, got.Port, got.Listen); text != tt.want {
				t.Errorf("Override = %s, want %s", text, tt.want)
			}
			if problems.Error() != tt.problems || problems.HasErrors() != (tt.problems != "") {
				t.Errorf("problems = %v, want %s", problems, tt.problems)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, kind := range []string{"good", "bad"} {
		for _, data := range archived(f, kind) {
			f.Add(data)
		}
	}
	f.Add([]byte("{//"))
	f.Add([]byte(strings.Repeat("[", 2000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, problems := config.Parse("mcp.json", data, environment("A=b"))
		if (cfg == nil) != problems.Fatal() {
			t.Fatalf("config = %v with %v", cfg, problems)
		}
		for _, p := range problems {
			if p.Line < 1 && p.Message == "" {
				t.Errorf("a problem without place or sentence: %#v", p)
			}
		}
		if cfg == nil {
			return
		}
		if changes := config.Diff(cfg, cfg); !changes.Empty() {
			t.Errorf("differs from itself: %+v", changes)
		}
		for i := range cfg.Servers {
			s := &cfg.Servers[i]
			if s.Usable() && !s.Disabled && s.Kind == config.KindUnknown {
				t.Errorf("a usable server of no kind: %+v", s)
			}
		}
	})
}
