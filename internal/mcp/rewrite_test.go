package mcp_test

import (
	"bytes"
	"testing"

	"onemcp/internal/mcp"
)

func scan(t *testing.T, text string) *mcp.Message {
	t.Helper()
	m, err := mcp.Scan([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &m
}

func TestRewriteRequest(t *testing.T) {
	t.Parallel()
	meta := mcp.ClientMeta{Version: "2026-07-28", Capabilities: []byte(`{"x":1.0}`), Info: []byte(`{"name":"c"}`), LogLevel: "info"}
	tests := []struct {
		name, in, want string
		rewrite        mcp.RequestRewrite
	}{
		{"id, name and token only",
			`{"id":"é","jsonrpc":"2.0","method":"tools/call","params":{ "arguments":{"a":1.0},"name":"b_1mcp_x","_meta":{"v/x":1e3,"progressToken":"t"}},"extra":1}`,
			`{"id":7,"jsonrpc":"2.0","method":"tools/call","params":{ "arguments":{"a":1.0},"name":"x","_meta":{"v/x":1e3,"progressToken":7}},"extra":1}`,
			mcp.RequestRewrite{ID: 7, Name: "x"}},
		{"a name inside a ref",
			`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"b_1mcp_p"},"argument":{"name":"n"}}}`,
			`{"jsonrpc":"2.0","id":7,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"n"}}}`,
			mcp.RequestRewrite{ID: 7, RefName: "p"}},
		{"labels stripped",
			`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","v/x":[1],"io.modelcontextprotocol/clientCapabilities":{},"progressToken":"t"}}}`,
			`{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":{"v/x":[1],"progressToken":7}}}`,
			mcp.RequestRewrite{ID: 7, Relabel: mcp.StripLabels}},
		{"labels set where there is a _meta",
			`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"v/x":[1]}}}`,
			`{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"x":1.0},"io.modelcontextprotocol/clientInfo":{"name":"c"},"io.modelcontextprotocol/logLevel":"info","v/x":[1]}}}`,
			mcp.RequestRewrite{ID: 7, Relabel: mcp.SetLabels, Meta: meta}},
		{"labels set where there are empty params",
			`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{ }}`,
			`{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}} }}`,
			mcp.RequestRewrite{ID: 7, Relabel: mcp.SetLabels, Meta: mcp.ClientMeta{Version: "2026-07-28"}}},
		{"labels set where there are no params",
			`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`,
			`{"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}},"jsonrpc":"2.0","id":7,"method":"tools/list"}`,
			mcp.RequestRewrite{ID: 7, Relabel: mcp.SetLabels, Meta: mcp.ClientMeta{Version: "2026-07-28"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(scan(t, tt.in).RewriteRequest(nil, tt.rewrite)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestRewriteResult(t *testing.T) {
	t.Parallel()
	info := []byte(`{"name":"s"}`)
	tests := []struct {
		name, in, want string
		rewrite        mcp.ResultRewrite
	}{
		{"the id only",
			` {"jsonrpc":"2.0","id":7,"result":{"content":[],"n":9007199254740993}}`,
			` {"jsonrpc":"2.0","id":"a\u00e9","result":{"content":[],"n":9007199254740993}}`,
			mcp.ResultRewrite{ID: []byte(`"a\u00e9"`)}},
		{"made modern",
			`{"jsonrpc":"2.0","id":7,"result":{"content":[]}}`,
			`{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}},"content":[]}}`,
			mcp.ResultRewrite{ID: []byte(`1`), Modernize: true, Method: "tools/call", ServerInfo: info}},
		{"made modern and cacheable, with a _meta of its own",
			`{"jsonrpc":"2.0","id":7,"result":{"tools":[],"_meta":{"v":1}}}`,
			`{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[],"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"},"v":1}}}`,
			mcp.ResultRewrite{ID: []byte(`1`), Modernize: true, Method: "tools/list", ServerInfo: info}},
		{"an empty result made modern",
			`{"jsonrpc":"2.0","id":7,"result":{}}`,
			`{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete"}}`,
			mcp.ResultRewrite{ID: []byte(`1`), Modernize: true, Method: "x"}},
		{"an error without an id",
			`{"jsonrpc":"2.0","error":{"code":1,"message":"m"}}`,
			`{"id":1,"jsonrpc":"2.0","error":{"code":1,"message":"m"}}`,
			mcp.ResultRewrite{ID: []byte(`1`)}},
		{"what a modern client must not see",
			`{"jsonrpc":"2.0","id":7,"error":{"message":"m","code":-32002,"data":{"uri":"x"}}}`,
			`{"jsonrpc":"2.0","id":1,"error":{"message":"m","code":-32602,"data":{"uri":"x"}}}`,
			mcp.ResultRewrite{ID: []byte(`1`), Modernize: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(scan(t, tt.in).RewriteResult(nil, tt.rewrite)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestWithIDIsTheAnswerRewritten, wherever the id stands, whatever room there is behind the message, and whichever of both ids is longer.
func TestWithIDIsTheAnswerRewritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"jsonrpc":"2.0","id":123,"result":{"content":[]}}`,
		` { "id" : 123 , "error":{"code":-1},"jsonrpc":"2.0"} `,
		`{"jsonrpc":"2.0","result":{"content":[{"type":"text","text":"x"}]},"id":123}`,
		`{"result":{},"id":"a","jsonrpc":"2.0"}`,
	} {
		for _, id := range []string{`1`, `456`, `"7"`, `12345678`, `"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"`} {
			want := string(scan(t, text).RewriteResult(nil, mcp.ResultRewrite{ID: []byte(id)}))
			for room := range 40 {
				m, behind := withRoom(t, text, room)
				if got := string(m.WithID([]byte(id))); got != want {
					t.Errorf("room for %d: got  %s\nwant %s", room, got, want)
				}
				if string(behind) != "behind" {
					t.Fatalf("room for %d: what lies behind that has become %q", room, behind)
				}
			}
		}
	}
}

// withRoom scans a text that has so many bytes of room behind it, and returns what lies behind that.
func withRoom(t *testing.T, text string, room int) (m *mcp.Message, behind []byte) {
	t.Helper()
	end := len(text) + room
	all := append(append([]byte(text), make([]byte, room)...), "behind"...)
	scanned, err := mcp.Scan(all[:len(text):end])
	if err != nil {
		t.Fatal(err)
	}
	return &scanned, all[end:]
}

func TestWithIDOfAShorterIDAllocatesNothing(t *testing.T) {
	text, id := []byte(`{"jsonrpc":"2.0","id":123,"result":{"content":[]}}`), []byte("17")
	room := make([]byte, 0, len(text))
	if n := testing.AllocsPerRun(100, func() {
		m, _ := mcp.Scan(append(room, text...))
		m.WithID(id)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestRewriteRequestAllocatesNothingWhereThereIsRoom(t *testing.T) {
	m := scan(t, `{"jsonrpc":"2.0","id":"7","method":"tools/call","params":{"_meta":{"progressToken":"t"},"name":"b_1mcp_echo"}}`)
	room := make([]byte, 0, 200)
	if n := testing.AllocsPerRun(100, func() { m.RewriteRequest(room, mcp.RequestRewrite{ID: 12345, Name: "echo"}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestRetag(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, tag, want string }{
		{"given another tag",
			`{"jsonrpc":"2.0","method":"n","params":{"uri":"u","_meta":{"io.modelcontextprotocol/subscriptionId":3,"v":1}}}`, `"x"`,
			`{"jsonrpc":"2.0","method":"n","params":{"uri":"u","_meta":{"io.modelcontextprotocol/subscriptionId":"x","v":1}}}`},
		{"tag taken away",
			`{"jsonrpc":"2.0","method":"n","params":{"uri":"u","_meta":{"io.modelcontextprotocol/subscriptionId":3,"v":1}}}`, ``,
			`{"jsonrpc":"2.0","method":"n","params":{"uri":"u","_meta":{"v":1}}}`},
		{"given a first one",
			`{"jsonrpc":"2.0","method":"n","params":{"uri":"u"}}`, `4`,
			`{"jsonrpc":"2.0","method":"n","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":4},"uri":"u"}}`},
		{"without params",
			`{"jsonrpc":"2.0","method":"n"}`, `4`,
			`{"params":{"_meta":{"io.modelcontextprotocol/subscriptionId":4}},"jsonrpc":"2.0","method":"n"}`},
		{"nothing to do", `{"jsonrpc":"2.0","method":"n","params":{"uri":"u"}}`, ``, `{"jsonrpc":"2.0","method":"n","params":{"uri":"u"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tag []byte
			if tt.tag != "" {
				tag = []byte(tt.tag)
			}
			if got := string(scan(t, tt.in).Retag(nil, tag)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// FuzzRewrite: whatever scans can be rewritten in every way, and scans again.
func FuzzRewrite(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","ref":{"name":"y"},"_meta":{"progressToken":"t","io.modelcontextprotocol/logLevel":"info"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":null}}`, `{"jsonrpc":"2.0","method":"x"}`,
		`{"jsonrpc":"2.0","id":1,"result":{"_meta":{ }}}`, `{"jsonrpc":"2.0","id":1,"result":[]}`,
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32002}}`, `{"jsonrpc":"2.0","error":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := mcp.Scan(data)
		if err != nil {
			return
		}
		var out []byte
		switch m.Kind {
		case mcp.Request, mcp.Notification:
			for _, relabel := range []mcp.Relabel{mcp.KeepLabels, mcp.StripLabels, mcp.SetLabels} {
				out = m.RewriteRequest(nil, mcp.RequestRewrite{ID: 7, Name: "n", RefName: "r", Relabel: relabel, Meta: mcp.ClientMeta{Version: "v"}})
				rescan(t, data, out)
			}
			rescan(t, data, m.Retag(nil, []byte("1")))
		default:
			out = m.RewriteResult(nil, mcp.ResultRewrite{ID: []byte("1"), Modernize: true, Method: mcp.MethodToolsList, ServerInfo: []byte("{}")})
			rescan(t, data, out)
			want := m.RewriteResult(nil, mcp.ResultRewrite{ID: []byte("1")})
			m.Raw = bytes.Clone(m.Raw)
			if got := m.WithID([]byte("1")); !bytes.Equal(got, want) {
				t.Fatalf("got  %s\nwant %s", got, want)
			}
		}
	})
}

func rescan(t *testing.T, in, out []byte) {
	t.Helper()
	if _, err := mcp.Scan(out); err != nil {
		t.Fatalf("%v\nin  %s\nout %s", err, in, out)
	}
}
