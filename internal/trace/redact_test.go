package trace_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/trace"
)

func TestRedactShowsTheProtocolAndHidesTheRest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, msg, want string }{
		{"a call",
			`{"jsonrpc":"2.0","id":"a-1","method":"tools/call","params":{"name":"mail_send","arguments":{"to":"ada@example.com","cc":["x"],"retries":3,"now":true,"reply":null,"none":""},"_meta":{"progressToken":7}}}`,
			`{"jsonrpc":"2.0","id":"a-1","method":"tools/call","params":{"name":"mail_send","arguments":{"to":"‹redacted 15›","cc":["‹redacted 1›"],"retries":"‹redacted number›","now":"‹redacted boolean›","reply":null,"none":""},"_meta":{"progressToken":7}}}`},
		{"line breaks and other blanks",
			"{\"jsonrpc\": \"2.0\",\n \"id\": 1, \"result\": {\"content\": [ {\"type\":\"text\",\"text\":\"a\\nb\"} ]}}\r\n",
			`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"‹redacted 3›"}]}}`},
		{"names of arguments are no names of the protocol",
			`{"params":{"arguments":{"name":"Ada","method":"x","id":5,"params":{"name":"y"}}}}`,
			`{"params":{"arguments":{"name":"‹redacted 3›","method":"‹redacted 1›","id":"‹redacted number›","params":{"name":"‹redacted 1›"}}}}`},
		{"what a person filled into a form, whatever the fields are called",
			`{"id":1,"result":{"action":"accept","content":{"type":"secret","name":"Ada"}}}`,
			`{"id":1,"result":{"action":"accept","content":{"type":"‹redacted 6›","name":"‹redacted 3›"}}}`},
		{"keys that are data",
			`{"result":{"structuredContent":{"ada@example.com":1,"naïve":2,"plain_name":3,"` + strings.Repeat("x", 65) + `":4}}}`,
			`{"result":{"structuredContent":{"‹redacted 15›":"‹redacted number›","‹redacted 6›":"‹redacted number›","plain_name":"‹redacted number›","‹redacted 65›":"‹redacted number›"}}}`},
		{"keys that forge a path",
			`{"params":{"clientInfo name":"Ada","_meta":{"a b":{"progressToken":"x"}}},"params name":"Ada"}`,
			`{"params":{"‹redacted 15›":"‹redacted 3›","_meta":{"‹redacted 3›":{"progressToken":"‹redacted 1›"}}},"‹redacted 11›":"‹redacted 3›"}`},
		{"an error",
			`{"id":null,"error":{"code":-32602,"message":"no user ada","data":{"user":"ada"}}}`,
			`{"id":null,"error":{"code":-32602,"message":"‹redacted 11›","data":{"user":"‹redacted 3›"}}}`},
		{"versions in an error",
			`{"error":{"code":-32022,"data":{"supported":["2026-07-28"],"requested":"2030-01-01"}}}`,
			`{"error":{"code":-32022,"data":{"supported":["2026-07-28"],"requested":"2030-01-01"}}}`},
		{"an opening",
			`{"params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{"listChanged":true},"experimental":{"x":{"key":"k","n":1}}},"clientInfo":{"name":"c","version":"1","title":"t"}}}`,
			`{"params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{"listChanged":true},"experimental":{"x":{"key":"‹redacted 1›","n":1}}},"clientInfo":{"name":"c","version":"1","title":"‹redacted 1›"}}}`},
		{"modern labels and state",
			`{"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"baggage":"b"},"requestState":"sealed","inputResponses":{"k":{"action":"accept","content":{"n":1}}}}}`,
			`{"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"baggage":"‹redacted 1›"},"requestState":"‹redacted 6›","inputResponses":{"k":{"action":"accept","content":{"n":"‹redacted number›"}}}}}`},
		{"cursors and uris",
			`{"result":{"resources":[{"uri":"file:///home/ada","name":"ada","mimeType":"text/plain","size":3}],"nextCursor":"c"}}`,
			`{"result":{"resources":[{"uri":"‹redacted 16›","name":"‹redacted 3›","mimeType":"text/plain","size":3}],"nextCursor":"‹redacted 1›"}}`},
		{"ids of tasks, which can be followed",
			`{"result":{"task":{"taskId":"t","status":"working"},"tasks":[{"taskId":"t"}]},"params":{"taskId":"t","arguments":{"taskId":"t"},"notifications":{"taskIds":["t",1],"resourceSubscriptions":["u"]},"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}}`,
			`{"result":{"task":{"taskId":"‹hash e3b98a4d›","status":"working"},"tasks":[{"taskId":"‹hash e3b98a4d›"}]},"params":{"taskId":"‹hash e3b98a4d›","arguments":{"taskId":"‹redacted 1›"},"notifications":{"taskIds":["‹hash e3b98a4d›","‹redacted number›"],"resourceSubscriptions":["‹redacted 1›"]},"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"‹hash e3b98a4d›"}}}}`},
		{"a batch", `[{"method":"ping","id":1},{"params":{"name":"n"}}]`, `[{"method":"ping","id":1},{"params":{"name":"n"}}]`},
		{"a text alone", `"ada"`, `"‹redacted 3›"`},
		{"no JSON", `listening on port 3`, `"‹redacted 19›"`},
		{"two values", `{} {}`, `"‹redacted 5›"`},
		{"nothing", ``, `"‹redacted 0›"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := string(trace.Redact([]byte(test.msg))); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestTheGuideNamesAllThatIsReadable holds the allow-list against what people are told.
func TestTheGuideNamesAllThatIsReadable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	_, guide, _ := strings.Cut(string(text), "alone stays readable:")
	for _, path := range trace.Readable() {
		name := strings.TrimSuffix(path[strings.LastIndex(path, " ")+1:], "[]")
		short := name[strings.Index(name, "/")+1:]
		if name != "inputRequests" && name != "inputResponses" && !strings.Contains(guide, "`"+name+"`") && !strings.Contains(guide, "`/"+short+"`") {
			t.Errorf("the guide does not say that %q is readable", path)
		}
	}
}

// FuzzRedact holds that whatever comes becomes one line of JSON, and that nothing of a payload is left.
func FuzzRedact(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"x",{"b":null}]}`, `["\ud800"]`, `{"a":1,"a":2}`, `{"\u0000":""}`, `[[`, `1e999`, "\xff", `"a" "b"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if out := trace.Redact(payload); !json.Valid(out) || bytes.ContainsAny(out, "\r\n") {
			t.Fatalf("%q became %q", payload, out)
		}
		const secret = "correct-horse"
		text := mcp.Quote(nil, string(bytes.ToValidUTF8(payload, nil))+secret)
		msg := append(append([]byte(`{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"v":`), text...), `}}}`...)
		if out := trace.Redact(msg); bytes.Contains(out, []byte(secret)) {
			t.Fatalf("%q became %q", msg, out)
		}
	})
}
