package endtoend_test

import (
	"fmt"
	"strings"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// tooDeep is a value that no message may hold.
var tooDeep = strings.Repeat("[", mcp.MaxDepth+1) + strings.Repeat("]", mcp.MaxDepth+1)

// TestMessagesThatNestTooDeepAreRefused, from either side, and the next one passes.
func TestMessagesThatNestTooDeepAreRefused(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		c := w.connect()
		before := c.ask(c.tool(c.nextID(), w.own("echo"), `{"a":`+tooDeep+`}`, ""))
		if want := fmt.Sprintf("nesting deeper than %d", mcp.MaxDepth); before.ErrorCode() != mcp.CodeInvalidRequest || !strings.Contains(before.ErrorMessage(), want) {
			t.Errorf("a deep request: %.300s", before.Raw)
		}
		say := fmt.Sprintf(`"upstreamtest/say":[%q]`, `{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"structuredContent":`+tooDeep+`}}`)
		if m := c.ask(c.tool(c.nextID(), w.own("echo"), `{}`, say)); m.Kind != mcp.Error || !strings.Contains(m.ErrorMessage(), "nesting deeper") {
			t.Errorf("a deep answer: %.300s", m.Raw)
		}
		w.ready()
		if m := c.ask(c.tool(c.nextID(), w.own("echo"), `{}`, "")); m.Kind != mcp.Result {
			t.Errorf("the next call: %.300s", m.Raw)
		}
	})
}
