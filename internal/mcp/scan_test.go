package mcp_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"onemcp/internal/mcp"
)

func TestScanTellsKindsApart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		kind       mcp.Kind
	}{
		{"request", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, mcp.Request},
		{"notification", `{"jsonrpc":"2.0","method":"notifications/initialized","params":{}}`, mcp.Notification},
		{"result", `{"jsonrpc":"2.0","id":"a","result":{}}`, mcp.Result},
		{"result that is no object", `{"jsonrpc":"2.0","id":"a","result":null}`, mcp.Result},
		{"error", `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}`, mcp.Error},
		{"error without an id", `{"jsonrpc":"2.0","error":{"code":1,"message":"x"}}`, mcp.Error},
		{"error without a known id", `{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x"}}`, mcp.Error},
		{"blanks everywhere", " {\n\"jsonrpc\" : \"2.0\" ,\t\"id\": 1 , \"method\":\"x\" } \r\n", mcp.Request},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := mcp.Scan([]byte(tt.text))
			if err != nil || m.Kind != tt.kind {
				t.Errorf("Scan = kind %d, %v; want kind %d", m.Kind, err, tt.kind)
			}
		})
	}
}

func TestScanRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"nothing", ``, "expected an object"},
		{"a batch", `[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, "a batch"},
		{"cut short", `{"jsonrpc":"2.0","id":1`, "unexpected end"},
		{"text behind", `{"jsonrpc":"2.0","id":1,"method":"x"} x`, "text after"},
		{"wrong version", `{"jsonrpc":"1.0","id":1,"method":"x"}`, "jsonrpc"},
		{"no version", `{"id":1,"method":"x"}`, "jsonrpc"},
		{"duplicate in the envelope", `{"jsonrpc":"2.0","id":1,"method":"x","id":2}`, `"id" stands twice`},
		{"duplicate unknown in the envelope", `{"jsonrpc":"2.0","id":1,"method":"x","v":2,"v":2}`, `"v" stands twice`},
		{"duplicate by escape", `{"jsonrpc":"2.0","id":1,"method":"x","\u0069d":2}`, `"id" stands twice`},
		{"duplicate in params", `{"jsonrpc":"2.0","id":1,"method":"x","params":{"name":"a","name":"b"}}`, `"name" stands twice`},
		{"duplicate in _meta", `{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"a":1,"a":2}}}`, `"a" stands twice`},
		{"case variant in the envelope", `{"jsonrpc":"2.0","id":1,"Method":"x","method":"y"}`, `by case only`},
		{"case variant in params", `{"jsonrpc":"2.0","id":1,"method":"x","params":{"Name":"a"}}`, `by case only`},
		{"case variant with the Kelvin sign", `{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"progressTo` + "\u212a" + `en":1}}}`, `by case only`},
		{"case variant with the long s", `{"jsonrpc":"2.0","id":1,"method":"x","params":{"argument` + "\u017f" + `":1}}`, `by case only`},
		{"case variant in _meta", `{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"ProgressToken":1}}}`, `by case only`},
		{"null id", `{"jsonrpc":"2.0","id":null,"method":"x"}`, "must not be null"},
		{"object id", `{"jsonrpc":"2.0","id":{},"method":"x"}`, "string or a number"},
		{"array params", `{"jsonrpc":"2.0","id":1,"method":"x","params":[]}`, "params must be an object"},
		{"null params", `{"jsonrpc":"2.0","id":1,"method":"x","params":null}`, "params must be an object"},
		{"method no string", `{"jsonrpc":"2.0","id":1,"method":7}`, "method must be a string"},
		{"result and error", `{"jsonrpc":"2.0","id":1,"result":{},"error":{}}`, "both"},
		{"neither", `{"jsonrpc":"2.0","id":1}`, "neither"},
		{"answer without id", `{"jsonrpc":"2.0","result":{}}`, "needs an id"},
		{"error no object", `{"jsonrpc":"2.0","id":1,"error":"x"}`, "must be an object"},
		{"duplicate routing member of a result", `{"jsonrpc":"2.0","id":1,"result":{"resultType":"a","resultType":"b"}}`, "stands twice"},
		{"invalid UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"v\":\"\xff\"}}", "invalid UTF-8 at byte 52"},
		{"too deep", `{"jsonrpc":"2.0","id":1,"method":"x","params":{"v":` + strings.Repeat("[", 999) + strings.Repeat("]", 999) + `}}`, "nesting deeper"},
		{"control character", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\nb\"}", "control character"},
		{"leading zero", `{"jsonrpc":"2.0","id":01,"method":"x"}`, "expected a comma"},
		{"plus sign", `{"jsonrpc":"2.0","id":+1,"method":"x"}`, "unexpected character"},
		{"trailing comma", `{"jsonrpc":"2.0","id":1,"method":"x",}`, "expected a member name"},
		{"NaN", `{"jsonrpc":"2.0","id":1,"method":"x","params":{"v":NaN}}`, "unexpected character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := mcp.Scan([]byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Scan = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestScanLeavesPayloadsAlone(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 990) + strings.Repeat("]", 990)
	for _, text := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":1,"a":2,"Name":3}}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"content":[{"a":1,"a":2}],"Content":1,"other":1,"other":2}}`,
		`{"jsonrpc":"2.0","id":1,"method":"x","params":{"v":` + deep + `}}`,
		`{"jsonrpc":"2.0","id":9007199254740993,"method":"x","params":{"v":"\ud800"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":7}}`,
	} {
		if _, err := mcp.Scan([]byte(text)); err != nil {
			t.Errorf("Scan(%.60s…) = %v", text, err)
		}
	}
}

func TestScanFindsMembers(t *testing.T) {
	t.Parallel()
	m, err := mcp.Scan([]byte(`{"params":{"na\u006de":"a\"b","_meta":{"progressToken": 1.0 ,"io.modelcontextprotocol/protocolVersion":"2026-07-28"},"cursor":""},` +
		`"method":"tools\/call","id":"x","jsonrpc":"2.0"}`))
	if err != nil {
		t.Fatal(err)
	}
	name, _ := m.Text(mcp.FieldName)
	version, _ := m.Text(mcp.FieldMetaVersion)
	if m.Method != mcp.MethodToolsCall || name != `a"b` || version != mcp.LatestModern {
		t.Errorf("method %q, name %q, version %q", m.Method, name, version)
	}
	if string(m.Value(mcp.FieldMetaToken)) != "1.0" || string(m.IDBytes()) != `"x"` || !m.Has(mcp.FieldCursor) || m.Has(mcp.FieldURI) {
		t.Errorf("token %s, id %s, cursor %v, uri %v", m.Value(mcp.FieldMetaToken), m.IDBytes(), m.Has(mcp.FieldCursor), m.Has(mcp.FieldURI))
	}
}

func TestScanOfAKnownMethodAllocatesNothing(t *testing.T) {
	text := []byte(`{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"},"_meta":{"progressToken":3}}}`)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := mcp.Scan(text); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzScan holds the scanner to the standard library's parser: what Scan accepts is JSON, and JSON in
// UTF-8 of no great depth is valid to our value scanner.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":{"progressToken":"t"}}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"a":[1,-0.5e+3,true,null,"\u00e9\n"]}}`,
		`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}`, `[1]`, `{"a":1e}`, `"\ud800"`, "\"\x80\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		std := json.Valid(data) && utf8.Valid(data)
		if !deep(data) && mcp.Valid(data) != std {
			t.Fatalf("Valid = %v, the standard library says %v: %q", !std, std, data)
		}
		m, err := mcp.Scan(data)
		if err != nil {
			return
		}
		if !std {
			t.Fatalf("Scan accepts what is not JSON: %q", data)
		}
		checkAgainstMap(t, &m)
	})
}

func deep(data []byte) bool {
	return bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > mcp.MaxDepth
}

func checkAgainstMap(t *testing.T, m *mcp.Message) {
	t.Helper()
	var envelope map[string]json.RawMessage
	if err := json.Unmarshal(m.Raw, &envelope); err != nil {
		t.Fatal(err)
	}
	if got, want := m.IDBytes(), []byte(envelope["id"]); !bytes.Equal(got, want) {
		t.Fatalf("id %s, want %s", got, want)
	}
	if method, ok := envelope["method"]; ok {
		var want string
		if err := json.Unmarshal(method, &want); err != nil || want != m.Method {
			t.Fatalf("method %q, want %q (%v)", m.Method, want, err)
		}
	}
	var params map[string]json.RawMessage
	if raw, ok := envelope["params"]; ok {
		if err := json.Unmarshal(raw, &params); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Value(mcp.FieldName), params["name"]) || !bytes.Equal(m.Value(mcp.FieldMeta), params["_meta"]) {
			t.Fatalf("name or _meta differ in %s", m.Raw)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	big := `{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"echo","arguments":{"text":"` + strings.Repeat("hello world, ", 5000) + `"}}}`
	mixed := `{"jsonrpc":"2.0","id":17,"result":{"content":[` + strings.Repeat(`{"type":"text","text":"one \"quoted\" word","n":12.5,"ok":true},`, 1000) + `{}]}}`
	for name, text := range map[string]string{
		"small": `{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"},"_meta":{"progressToken":3}}}`,
		"text":  big,
		"mixed": mixed,
	} {
		b.Run(name, func(b *testing.B) {
			data := []byte(text)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := mcp.Scan(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
