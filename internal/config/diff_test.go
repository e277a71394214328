package config_test

import (
	"reflect"
	"testing"

	"onemcp/internal/config"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	const (
		a = `"a": {"command": "x", "tags": ["t"]}`
		b = `"b": {"url": "https://example.com/mcp", "headers": {"K": "v"}}`
	)
	tests := []struct {
		name, old, next string
		want            config.Changes
	}{
		{"nothing", a + "," + b, b0(a) + "," + b, config.Changes{}},
		{"empty is not set", a, `"a": {"command": "x", "tags": ["t"], "env": {}, "args": []}`, config.Changes{}},
		{"a default that is written down", a, `"a": {"command": "x", "tags": ["t"], "requestTimeout": 60000}`, config.Changes{}},
		{"added", a, a + "," + b, config.Changes{Added: []string{"b"}}},
		{"removed", a + "," + b, b, config.Changes{Removed: []string{"a"}}},
		{"another order", a + "," + b, b + "," + a, config.Changes{Reordered: true}},
		{"another command", a, `"a": {"command": "y", "tags": ["t"]}`, config.Changes{Restart: []string{"a"}}},
		{"another secret", b, `"b": {"url": "https://example.com/mcp", "headers": {"K": "w"}}`, config.Changes{Restart: []string{"b"}}},
		{"another kind", b, `"b": {"type": "sse", "url": "https://example.com/mcp", "headers": {"K": "v"}}`, config.Changes{Restart: []string{"b"}}},
		{"disabled", a, `"a": {"command": "x", "tags": ["t"], "disabled": true}`, config.Changes{Restart: []string{"a"}}},
		{"broken", a, `"a": {"command": "x", "tags": ["t"], "isolation": "?"}`, config.Changes{Restart: []string{"a"}}},
		{"other tags", a, `"a": {"command": "x", "tags": ["u"]}`, config.Changes{Relabel: []string{"a"}}},
		{"other tools", a, `"a": {"command": "x", "tags": ["t"], "disabledTools": ["w*"]}`, config.Changes{Relabel: []string{"a"}}},
		{"restart includes relabel", a, `"a": {"command": "y", "tags": ["u"]}`, config.Changes{Restart: []string{"a"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			old, next := servers(t, tt.old), servers(t, tt.next)
			if got := config.Diff(old, next); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Diff = %+v, want %+v", got, tt.want)
			}
		})
	}
}

// b0 moves an entry to another line, which is no change.
func b0(entry string) string { return "\n\n" + entry }

func servers(t *testing.T, entries string) *config.Config {
	t.Helper()
	cfg, problems := config.Parse("mcp.json", []byte(`{"mcpServers": {`+entries+`}}`), environment())
	if problems.Fatal() {
		t.Fatal(problems)
	}
	return cfg
}

func TestDiffOfTheGateway(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, old, next string
		want            config.Changes
	}{
		{"port", `{}`, `{"server": {"port": 1}}`, config.Changes{Listener: true}},
		{"socket", `{"server": {"listen": "unix:/a"}}`, `{"server": {"listen": "unix:/b"}}`, config.Changes{Listener: true}},
		{"limits", `{}`, `{"server": {"maxSessions": 1}}`, config.Changes{Policy: true}},
		{"names", `{}`, `{"server": {"names": {"prefix": "never"}}}`, config.Changes{Policy: true}},
		{"the same trust elsewhere", `{"server": {"trustProxy": ["10.0.0.1"]}}`, "{\n\"server\": {\"trustProxy\": [\"10.0.0.1\"]}}", config.Changes{}},
		{"another trust", `{"server": {"trustProxy": ["10.0.0.1"]}}`, `{"server": {"trustProxy": ["10.0.0.2"]}}`, config.Changes{Policy: true}},
		{"a preset", `{"presets": {"a": "x"}}`, `{"presets": {"a": "y"}}`, config.Changes{Presets: true}},
		{"the schema", `{}`, `{"$schema": "x"}`, config.Changes{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := config.Diff(parse(t, tt.old), parse(t, tt.next)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Diff = %+v, want %+v", got, tt.want)
			}
		})
	}
}
