package eragate

import (
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}`
	for name, c := range map[string]struct {
		gate    Gate
		message string
		want    string // in the reply; empty: passes; "-": dropped in silence
	}{
		"legacy takes initialize":              {Legacy, `{"id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`, ""},
		"legacy takes a plain request":         {Legacy, `{"id":1,"method":"tools/list"}`, ""},
		"legacy knows no discovery":            {Legacy, `{"id":1,"method":"server/discover","params":{` + meta + `}}`, `"id":1,"error":{"code":-32601`},
		"legacy knows no metadata":             {Legacy, `{"id":"a","method":"tools/list","params":{` + meta + `}}`, `"id":"a","error":{"code":-32602`},
		"legacy takes responses":               {Legacy, `{"id":1,"result":{}}`, ""},
		"modern takes a request":               {Modern, `{"id":1,"method":"tools/list","params":{` + meta + `}}`, ""},
		"modern refuses initialize":            {Modern, `{"id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`, `"code":-32022,"message":"Unsupported protocol version","data":{"supported":["2026-07-28"],"requested":"2025-11-25"}`},
		"modern requires metadata":             {Modern, `{"id":1,"method":"tools/list","params":{}}`, `"code":-32602`},
		"modern takes no responses":            {Modern, `{"id":1,"result":{}}`, "-"},
		"modern drops the end of a hand-shake": {Modern, `{"method":"notifications/initialized"}`, "-"},
		"modern takes a cancellation":          {Modern, `{"method":"notifications/cancelled","params":{"requestId":1}}`, ""},
		"what is not JSON passes":              {Modern, `{"id":`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, v := c.gate.judge([]byte(c.message))
			switch {
			case v.drop != (c.want != ""):
				t.Errorf("dropped: %t", v.drop)
			case c.want == "-" && v.reply != nil:
				t.Errorf("answered %s", v.reply)
			case c.want != "-" && !strings.Contains(string(v.reply), c.want):
				t.Errorf("answered %s, want %s in it", v.reply, c.want)
			}
		})
	}
}

func TestNarrow(t *testing.T) {
	t.Parallel()
	const wide = `{"id":1,"result":{"supportedVersions": ["2026-07-28", "2025-11-25"],"x":[1]}}`
	const want = `{"id":1,"result":{"supportedVersions":["2026-07-28"],"x":[1]}}`
	if got := string(narrow([]byte(wide))); got != want {
		t.Errorf("got %s", got)
	}
}
