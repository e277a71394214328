package endtoend_test

import (
	"fmt"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// TestCompletionsGoToWhoseTheyAre: by a prompt or a template, under the backend's own names, all else as it is.
func TestCompletionsGoToWhoseTheyAre(t *testing.T) {
	t.Parallel()
	script := upstreamtest.Script{Offers: map[string]string{
		mcp.MethodPromptsList:   `{"prompts":[{"name":"p"}]}`,
		mcp.MethodTemplatesList: `{"resourceTemplates":[{"uriTemplate":"test://{a}/{b}","name":"t"}]}`,
		mcp.MethodComplete:      `{"completion":{"values":["\u0061","b"],"total":1e1,"hasMore":true,"x":1.0}}`,
	}}
	along(t, every(), script, func(t *testing.T, w *world) {
		c := w.connect()
		refs := []struct{ name, mine, theirs string }{
			{"a prompt", `{"x":1.0,"type":"ref/prompt","name":"` + w.own("p") + `"}`, `{"x":1.0,"type":"ref/prompt","name":"p"}`},
			{"a template", `{"type":"ref/resource","uri":"test:\/\/{a}/{b}"}`, `{"type":"ref/resource","uri":"test:\/\/{a}/{b}"}`},
		}
		for i, ref := range refs {
			const rest = `"argument":{"name":"a","value":"\u0061"},"context":{"arguments":{"b":"1.0","\u0062":""}},"x":[1e0]`
			mark := fmt.Sprintf("completion %d.", i)
			m := c.ask(c.request(`"id"`, mcp.MethodComplete, `"ref":`+ref.mine+`,`+rest, `"mark":"`+mark+`"`))
			differ(t, ref.name+", the answer", `{"values":["\u0061","b"],"total":1e1,"hasMore":true,"x":1.0}`, part(string(m.Bytes(m.Result)), "completion"))
			differ(t, ref.name+", the question", `{"ref":`+ref.theirs+`,`+rest+`}`, without(part(w.heard(mark, 1), "params"), "_meta"))
		}
		if !w.merged {
			return
		}
		for _, ref := range []string{`{"type":"ref/prompt","name":"p"}`, `{"type":"ref/prompt","name":"c_1mcp_p"}`, `{"type":"ref/resource","uri":"test://other"}`, `{"type":"ref/other"}`, `7`} {
			m := c.ask(c.request(`1`, mcp.MethodComplete, `"ref":`+ref+`,"argument":{"name":"a","value":""}`, ""))
			if m.ErrorCode() != mcp.CodeInvalidParams {
				t.Errorf("%s: %s", ref, m.Raw)
			}
		}
	})
}
