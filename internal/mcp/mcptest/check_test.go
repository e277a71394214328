package mcptest

import (
	"strings"
	"testing"

	"onemcp/internal/trace"
)

func client(d trace.Direction, version, msg string) trace.Event {
	return trace.Event{Side: trace.Client, Direction: d, Session: "s", Version: version, Message: []byte(msg)}
}

func backend(d trace.Direction, version, msg string) trace.Event {
	return trace.Event{Side: trace.Backend, Direction: d, Backend: "b", Version: version, Message: []byte(msg)}
}

func TestEveryMessageIsHeldAgainstItsSchema(t *testing.T) {
	t.Parallel()
	Need(t)
	const (
		in, out  = trace.Received, trace.Sent
		old, new = "2025-06-18", "2026-07-28"
		meta     = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
		call     = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}`
		newCall  = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x",` + meta + `}}`
	)
	for name, test := range map[string]struct {
		events []trace.Event
		want   string // in the complaint; empty: there is none
	}{
		"a right result":                      {[]trace.Event{client(in, old, call), client(out, old, `{"jsonrpc":"2.0","id":1,"result":{"content":[]}}`)}, ""},
		"a result of the wrong method":        {[]trace.Event{client(in, old, call), client(out, old, `{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}`)}, "missing property 'content'"},
		"the same id on another connection":   {[]trace.Event{client(in, old, call), backend(out, old, `{"jsonrpc":"2.0","id":1,"result":{}}`)}, ""},
		"a result without its type":           {[]trace.Event{client(in, new, newCall), client(out, new, `{"jsonrpc":"2.0","id":1,"result":{"content":[]}}`)}, "missing property 'resultType'"},
		"a question":                          {[]trace.Event{client(in, new, newCall), client(out, new, `{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState":"x"}}`)}, ""},
		"a wrong question":                    {[]trace.Event{client(in, new, newCall), client(out, new, `{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","inputRequests":{"a":{"method":"x"}}}}`)}, "inputRequests"},
		"a modern request without labels":     {[]trace.Event{backend(out, new, call)}, "missing property '_meta'"},
		"what only servers say":               {[]trace.Event{backend(out, old, `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}`)}, "is no ClientNotification"},
		"what a later version has":            {[]trace.Event{client(out, old, `{"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":"x"}}`)}, "is no ServerNotification of version 2025-06-18"},
		"a request to a modern client":        {[]trace.Event{client(out, new, `{"jsonrpc":"2.0","id":1,"method":"roots/list"}`)}, "is no ServerRequest"},
		"somebody's extension":                {[]trace.Event{client(out, old, `{"jsonrpc":"2.0","method":"vendor/x","params":{"a":1}}`)}, ""},
		"an extension with a wrong envelope":  {[]trace.Event{client(out, old, `{"jsonrpc":"2.0","method":"vendor/x","params":[]}`)}, "params"},
		"an error without id":                 {[]trace.Event{client(out, "", `{"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}}`)}, ""},
		"an error with a null id":             {[]trace.Event{client(out, "", `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}`)}, "got null"},
		"an error that lacks its data":        {[]trace.Event{client(in, new, newCall), client(out, new, `{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"x"}}`)}, "missing property 'data'"},
		"no message":                          {[]trace.Event{client(out, old, `{"jsonrpc":"2.0"}`)}, "neither a method"},
		"what a peer sends wrongly":           {[]trace.Event{client(in, old, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":3}`), backend(in, old, `x`)}, ""},
		"one of a batch":                      {[]trace.Event{client(in, "2025-03-26", "["+call+"]"), client(out, "2025-03-26", `[{"jsonrpc":"2.0","id":1,"result":{}}]`)}, "missing property 'content'"},
		"a version that initialize settles":   {[]trace.Event{client(in, "", `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2030-01-01"}}`), client(out, "", `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"x","version":"1"}}}`), client(out, "", `{"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":"x"}}`)}, ""},
		"an answer to a question of a server": {[]trace.Event{backend(in, old, `{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{}}`), backend(out, old, `{"jsonrpc":"2.0","id":"q","result":{}}`)}, "missing property 'action'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			all, _ := load()
			c := newConversation(all, nil)
			for _, e := range test.events {
				for _, err := range c.take(e) {
					got = append(got, err.Error())
				}
			}
			if text := strings.Join(got, "\n"); (len(got) > 0) != (test.want != "") || !strings.Contains(text, test.want) {
				t.Errorf("wanted %q, got %q", test.want, got)
			}
		})
	}
}

func TestAnExcuseIsForItsPlaceAlone(t *testing.T) {
	t.Parallel()
	all, err := load()
	if err != nil {
		return // the other test is skipped and says why
	}
	excuses := []Excuse{{At: "/params/arguments", Why: "a test"}}
	for msg, want := range map[string]int{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":3}}`:   0,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7,"arguments":3}}`:     1,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":3}}`:              1,
		`{"jsonrpc":"2.0","id":1.5,"method":"tools/call","params":{"name":"x","arguments":3}}`: 1,
	} {
		if got := newConversation(all, excuses).take(backend(trace.Sent, "2025-11-25", msg)); len(got) != want {
			t.Errorf("%s: %v", msg, got)
		}
	}
}
