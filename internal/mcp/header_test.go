package mcp_test

import (
	"strings"
	"testing"

	"onemcp/internal/mcp"
)

func TestHeaderTextSurvives(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"echo", "", "a b", " lead", "trail\t", "naïve", "line\nbreak", "=?base64?x?=", "日本"} {
		value := mcp.EncodeHeader(text)
		if strings.ContainsAny(value, "\r\n") {
			t.Errorf("%q travels as %q", text, value)
		}
		if got, err := mcp.DecodeHeader(value); err != nil || got != text {
			t.Errorf("%q comes back as %q, %v", text, got, err)
		}
	}
	if _, err := mcp.DecodeHeader("=?base64?%%?="); err == nil {
		t.Error("wrong base64 is accepted")
	}
}

func TestCheckHeaders(t *testing.T) {
	t.Parallel()
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"é","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`
	good := mcp.Headers{Version: "2026-07-28", Method: " tools/call ", Name: mcp.EncodeHeader("é"), VersionOK: true, MethodOK: true, NameOK: true}
	tests := []struct {
		name   string
		change func(*mcp.Headers)
		want   string
	}{
		{"all agree", func(*mcp.Headers) {}, ""},
		{"no version", func(h *mcp.Headers) { h.VersionOK = false }, "MCP-Protocol-Version is missing"},
		{"other version", func(h *mcp.Headers) { h.Version = "2025-11-25" }, "_meta says"},
		{"no method", func(h *mcp.Headers) { h.MethodOK = false }, "Mcp-Method is missing"},
		{"other method", func(h *mcp.Headers) { h.Method = "tools/list" }, "the body's method"},
		{"no name", func(h *mcp.Headers) { h.NameOK = false }, "Mcp-Name is missing"},
		{"other name", func(h *mcp.Headers) { h.Name = "e" }, "the body says"},
		{"broken name", func(h *mcp.Headers) { h.Name = "=?base64?!?=" }, "base64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := good
			tt.change(&h)
			got := scan(t, body).CheckHeaders(h)
			if got != tt.want && (tt.want == "" || !strings.Contains(got, tt.want)) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestSaysKnowsWhatTextDecodes: a value is compared by what it stands for, however it is spelt.
func TestSaysKnowsWhatTextDecodes(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`"a\\n"`, `"a\n"`, `"\u0061n"`, `"an"`, `"é"`, `"\u00e9"`, `"\ud800"`, `""`, `"\""`, `null`, `7`, `{}`, `["an"]`} {
		m := scan(t, `{"jsonrpc":"2.0","id":1,"method":"x","params":{"name":`+raw+`}}`)
		text, isText := m.Text(mcp.FieldName)
		for _, other := range []string{"a\\n", "a\n", "an", "é", "\ufffd", "", `"`, raw, strings.Trim(raw, `"`)} {
			if got, want := m.Says(mcp.FieldName, other), isText && text == other; got != want {
				t.Errorf("%s says %q: %v", raw, other, got)
			}
		}
		if m.Says(mcp.FieldURI, text) {
			t.Errorf("%s: an absent member says something", raw)
		}
	}
}

const marked = `{"name":"t","inputSchema":{"type":"object","properties":{
	"region":{"type":"string","x-mcp-header":"Region"},
	"deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},
	"plain":{"type":"string"}}}}`

func TestParamHeaders(t *testing.T) {
	t.Parallel()
	marks, err := mcp.ParamHeaders([]byte(marked))
	if err != nil || len(marks) != 2 {
		t.Fatalf("marks = %v, %v", marks, err)
	}
	args := []byte(`{"region":"eu","deep":{"n":1e1},"plain":"x"}`)
	values := mcp.ParamValues(marks, args)
	if len(values) != 2 || values[0] != [2]string{"Mcp-Param-Region", "eu"} || values[1] != [2]string{"Mcp-Param-N", "10"} {
		t.Errorf("values = %v", values)
	}
	tests := []struct {
		name string
		got  [][2]string
		want string
	}{
		{"as sent by ourselves", values, ""},
		{"in other case, other spelling of the number", [][2]string{{"mcp-param-region", "eu"}, {"MCP-PARAM-N", "10.0"}}, ""},
		{"one missing", values[:1], "Mcp-Param-N is missing"},
		{"one different", [][2]string{values[1], {"Mcp-Param-Region", "us"}}, "disagrees"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := mcp.CheckParams(marks, args, tt.got)
			if got != tt.want && (tt.want == "" || !strings.Contains(got, tt.want)) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := mcp.CheckParams(marks, []byte(`{"region":null}`), [][2]string{{"Mcp-Param-Region", "eu"}}); !strings.Contains(got, "no argument") {
		t.Errorf("a header without an argument: %q", got)
	}
}

func TestWrongParamMarks(t *testing.T) {
	t.Parallel()
	for name, property := range map[string]string{
		"not a primitive":   `"a":{"type":"object","x-mcp-header":"A"}`,
		"not a header name": `"a":{"type":"string","x-mcp-header":"A B"}`,
		"not a string":      `"a":{"type":"string","x-mcp-header":7}`,
		"twice":             `"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}`,
	} {
		if _, err := mcp.ParamHeaders([]byte(`{"inputSchema":{"properties":{` + property + `}}}`)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
