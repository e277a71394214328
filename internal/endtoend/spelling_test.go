package endtoend_test

import (
	"bytes"
	"fmt"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// TestIDsComeBackAsTheyWereSent holds for what the backend answers, refuses or does not know, and for
// what the gateway answers itself.
func TestIDsComeBackAsTheyWereSent(t *testing.T) {
	t.Parallel()
	r := start(t, setup(overHTTP(t, "b", upstreamtest.Script{})), oddIDs)
	r.ready()
	for _, era := range []mcp.Era{mcp.Legacy, mcp.Modern} {
		for _, path := range []string{"/mcp", "/mcp/servers/b"} {
			t.Run(era.String()+path, func(t *testing.T) {
				t.Parallel()
				c := (&rig{t: t, url: r.url}).connect(era, path)
				ids := strangeIDs
				if era == mcp.Legacy {
					ids = append(fractionalIDs, ids...)
				}
				for _, id := range ids {
					for what, body := range c.answered(id) {
						if m := c.ask(body); string(m.IDBytes()) != id {
							t.Errorf("%s with id %s: %s", what, id, m.Raw)
						}
					}
				}
			})
		}
	}
}

// answered are requests that somebody answers, by who and how.
func (c *client) answered(id string) map[string][]byte {
	all := map[string][]byte{
		"a call":            c.tool(id, "b_1mcp_echo", `{}`, ""),
		"an error":          c.tool(id, "b_1mcp_fail", `{"error":{"code":1,"message":"no"}}`, ""),
		"an unknown tool":   c.tool(id, "nobody_1mcp_echo", `{}`, ""),
		"an unknown method": c.request(id, "vendor/unknown", "", ""),
		"a list":            c.request(id, mcp.MethodToolsList, "", ""),
	}
	if c.era == mcp.Legacy {
		all["a ping"] = c.request(id, mcp.MethodPing, "", "")
		all["a level"] = c.request(id, mcp.MethodSetLevel, `"level":"debug"`, "")
	} else {
		all["a discovery"] = c.request(id, mcp.MethodDiscover, "", "")
	}
	return all
}

// TestListEntriesPassAsTheyAre: what a backend writes into its lists arrives as it is, but for the name on the merged
// endpoint.
func TestListEntriesPassAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, odd := range oddities {
		t.Run(odd.name, func(t *testing.T) {
			t.Parallel()
			const entry = `{ "inputSchema":{"type":"object","$ref":"https://vendor.example/s","x":%[2]s}, "name" : %[1]s ,"x-vendor":%[2]s,"_meta":{"v":%[2]s}}`
			const list = `{"tools":[%s ,%s], "x-vendor":%s}`
			one, two := fmt.Sprintf(entry, `"\u006fne"`, odd.value), fmt.Sprintf(entry, `"two"`, odd.value)
			whole := fmt.Sprintf(list, one, two, odd.value)
			script := upstreamtest.Script{Eras: legacyOnly, Offers: map[string]string{mcp.MethodToolsList: whole}}
			r := start(t, setup(overHTTP(t, "b", script)))
			r.ready()
			m := r.connect(mcp.Legacy, "/mcp/servers/b").ask([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
			differ(t, "the backend's own list", whole, string(m.Bytes(m.Result)))
			m = r.connect(mcp.Legacy, "/mcp").ask([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
			for _, want := range []string{fmt.Sprintf(entry, `"b_1mcp_one"`, odd.value), fmt.Sprintf(entry, `"b_1mcp_two"`, odd.value)} {
				if !bytes.Contains(m.Raw, []byte(want)) {
					t.Errorf("the merged list does not hold %.300s: %.2000s", want, m.Raw)
				}
			}
		})
	}
}
