package daemon

import (
	"strings"
	"testing"
	"time"

	"onemcp/internal/config"
	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// parse reads a configuration; all variables are unset but TOKEN.
func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, problems := config.Parse("mcp.json", []byte(text), func(name string) (string, bool) {
		return "s3cret", name == "TOKEN"
	})
	if c == nil {
		t.Fatal(problems)
	}
	return c
}

// one reads a configuration of a single server.
func one(t *testing.T, server string) *config.MCPServer {
	t.Helper()
	return &parse(t, `{"mcpServers": {"one": `+server+`}}`).Servers[0]
}

func noDriver(*config.MCPServer) (upstream.Driver, error) { return nil, nil }

func TestSpecSaysWhatTheServerSays(t *testing.T) {
	t.Parallel()
	s := spec(one(t, `{"command": "x", "tags": ["a", "b"], "enabledTools": ["e*"], "disabledTools": ["d"],
		"toolDescriptionOverrides": {"echo": "Says it again."}, "instructionOverride": "Be kind.",
		"connectionTimeout": 1000, "requestTimeout": 2000, "maxRequestTime": 3000, "maxConcurrency": 3, "maxConnections": 4, "isolation": "session", "protocol": "2025-06-18"}`), nil)
	if s.Name != "one" || !s.Local || s.Disabled || s.Failed != nil {
		t.Errorf("got %+v", s)
	}
	if strings.Join(s.Tags, " ") != "a b" || s.Policy.Enabled[0] != "e*" || s.Policy.Disabled[0] != "d" || s.Policy.Descriptions["echo"] != "Says it again." {
		t.Errorf("tags and policy: %+v", s)
	}
	if *s.Instructions != "Be kind." || s.ConnectionTimeout != time.Second || s.RequestTimeout != 2*time.Second || s.MaxRequestTime != 3*time.Second || s.MaxConcurrency != 3 || s.MaxConnections != 4 {
		t.Errorf("instructions and bounds: %+v", s)
	}
	if s.Isolation != gateway.PerSession || s.Era != mcp.Legacy || s.ProtocolVersion != "2025-06-18" {
		t.Errorf("isolation %v, era %v, version %q", s.Isolation, s.Era, s.ProtocolVersion)
	}
}

func TestProtocolIsAnEraOrAVersion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		setting string
		era     mcp.Era
		version string
	}{
		{"", mcp.NoEra, ""},
		{"legacy", mcp.Legacy, ""},
		{"modern", mcp.Modern, ""},
		{"2024-11-05", mcp.Legacy, "2024-11-05"},
		{"2026-07-28", mcp.Modern, "2026-07-28"},
	} {
		if era, version := protocol(test.setting); era != test.era || version != test.version {
			t.Errorf("protocol(%q) = %v, %q", test.setting, era, version)
		}
	}
}

func TestSetupTakesOverTheGatewaysSettings(t *testing.T) {
	t.Parallel()
	s := setup(parse(t, `{
		"server": {"pageSize": 7, "names": {"separator": "__", "prefix": "never", "maxLength": 40}},
		"presets": {"web": "net and not test"},
		"mcpServers": {"b": {"command": "x"}, "a": {"command": "x", "disabled": true}, "c": {"args": []}}}`), nil, noDriver)
	if s.PageSize != 7 || s.Naming.Separator != "__" || !s.Naming.Bare || s.Naming.MaxLength != 40 {
		t.Errorf("got %+v", s)
	}
	if _, ok := s.Presets["web"]; !ok || len(s.Presets) != 1 {
		t.Errorf("presets: %v", s.Presets)
	}
	var names []string
	for _, b := range s.Backends {
		names = append(names, b.Name)
	}
	if strings.Join(names, " ") != "b a c" {
		t.Errorf("backends %v", names)
	}
	if !s.Backends[1].Disabled {
		t.Error("a is not disabled")
	}
	if err := s.Backends[2].Failed; fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "has neither command nor url") {
		t.Errorf("c: %v", err)
	}
}

// TestIdentityFollowsTheConnection holds that a running connection is kept exactly when nothing
// that it was made of has changed.
func TestIdentityFollowsTheConnection(t *testing.T) {
	t.Parallel()
	local := `{"command": "x", "args": ["a"], "env": {"A": "1"}`
	remote := `{"url": "https://example.com/mcp", "headers": {"X": "1"}`
	for _, test := range []struct {
		name, before, after string
		same                bool
	}{
		{"nothing", local + `}`, local + `}`, true},
		{"tags", local + `}`, local + `, "tags": ["t"]}`, true},
		{"hidden tools", local + `}`, local + `, "disabledTools": ["t"]}`, true},
		{"instructions", local + `}`, local + `, "instructionOverride": "t"}`, true},
		{"cwd", local + `}`, local + `, "cwd": "/"}`, false},
		{"the environment that is inherited", local + `}`, local + `, "inheritParentEnv": true}`, false},
		{"what is filtered of it", local + `}`, local + `, "envFilter": ["!HOME"]}`, false},
		{"requestTimeout", local + `}`, local + `, "requestTimeout": 1}`, false},
		{"maxRequestTime", local + `}`, local + `, "maxRequestTime": 1}`, false},
		{"isolation", local + `}`, local + `, "isolation": "session"}`, false},
		{"protocol", local + `}`, local + `, "protocol": "legacy"}`, false},
		{"maxMessageSize", local + `}`, local + `, "maxMessageSize": 2048}`, false},
		{"an argument", `{"command": "x", "args": ["a"]}`, `{"command": "x", "args": ["b"]}`, false},
		{"where an argument ends", `{"command": "x", "args": ["ab", "c"]}`, `{"command": "x", "args": ["a", "bc"]}`, false},
		{"a variable", `{"command": "x", "env": {"A": "1"}}`, `{"command": "x", "env": {"A": "2"}}`, false},
		{"the transport", remote + `}`, remote + `, "type": "sse"}`, false},
		{"a header", `{"url": "https://example.com/", "headers": {"A": "1"}}`, `{"url": "https://example.com/", "headers": {"A": "2"}}`, false},
		{"a header's name", `{"url": "https://example.com/", "headers": {"A": "1"}}`, `{"url": "https://example.com/", "headers": {"B": "1"}}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			environ := []string{"HOME=/h", "OTHER=o"}
			before, after := identity(one(t, test.before), environ), identity(one(t, test.after), environ)
			if (before == after) != test.same {
				t.Errorf("the identity stays: %v, want %v", before == after, test.same)
			}
		})
	}
}

func TestNewTroubleIsWhatWasNotThereBefore(t *testing.T) {
	t.Parallel()
	good, bad := `{"command": "x"}`, `{"args": []}`
	for _, test := range []struct {
		name, before, after string
		want                bool
	}{
		{"still good", `"a": ` + good, `"a": ` + good, false},
		{"becomes bad", `"a": ` + good, `"a": ` + bad, true},
		{"still bad", `"a": ` + bad, `"a": ` + bad, false},
		{"a bad one is added", ``, `"a": ` + bad, true},
		{"a bad one is corrected", `"a": ` + bad, `"a": ` + good, false},
		{"one beside a bad one changes", `"a": ` + bad + `, "b": ` + good, `"a": ` + bad, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before, after := parse(t, `{"mcpServers": {`+test.before+`}}`), parse(t, `{"mcpServers": {`+test.after+`}}`)
			if got := newTrouble(before, after); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestSettingsThatWaitForTheNextStart(t *testing.T) {
	t.Parallel()
	before := parse(t, `{}`)
	for setting, want := range map[string]string{
		`"host": "::1"`:                 "server.host",
		`"port": 1`:                     "server.port",
		`"listen": "unix:/s"`:           "server.listen",
		`"socketMode": "0600"`:          "server.socketMode",
		`"maxBodySize": 2048`:           "server.maxBodySize",
		`"maxHeaderSize": 8192`:         "server.maxHeaderSize",
		`"heartbeatInterval": 1`:        "server.heartbeatInterval",
		`"sessionIdleTimeout": 1`:       "server.sessionIdleTimeout",
		`"maxSessions": 1`:              "server.maxSessions",
		`"maxSessionsPerClient": 0`:     "server.maxSessionsPerClient",
		`"logFormat": "json"`:           "server.logFormat",
		`"logLevel": "debug"`:           "",
		`"pageSize": 3`:                 "",
		`"names": {"prefix": "never"}`:  "",
		`"port": 1, "host": "10.0.0.1"`: "server.host server.port",
	} {
		after := parse(t, `{"server": {`+setting+`}}`)
		if got := strings.Join(needRestart(&before.Server, &after.Server), " "); got != want {
			t.Errorf("%s: got %q, want %q", setting, got, want)
		}
	}
}
