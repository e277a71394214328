package endtoend_test

import (
	"fmt"
	"testing"

	"onemcp/internal/mcp"
)

// TestWhatBelongsToNoCallWaitsForAStream: a legacy client has no stream of its own for long. Calls go on, the newest messages
// are there when it comes, and what belongs to a call comes with the call.
func TestWhatBelongsToNoCallWaitsForAStream(t *testing.T) {
	t.Parallel()
	const many = 1000
	along(t, legacyWays(), watched, func(t *testing.T, w *world) {
		if w.caller == mcp.Modern {
			t.Log("it has no stream of its own")
			return
		}
		c := w.rig.client(w.caller, w.path())
		c.capabilities = `{"roots":{}}`
		c.initialize()
		c.ask(c.request(`1`, mcp.MethodSubscribe, `"uri":"test://a"`, ""))
		said := []byte(`"upstreamtest/say":[`)
		for i := range many {
			said = append(mcp.Quote(said, fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://a","n":%d}}`, i)), ',')
		}
		said = append(mcp.Quote(said, `{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}`), ']')
		msgs, err := c.post(t.Context(), c.tool(`2`, w.own("echo"), `{}`, string(said))).all()
		if err != nil || len(msgs) != 1 { // they belong to the session, not to the call
			t.Fatalf("%d messages, %v", len(msgs), err)
		}
		if got := w.asked(c, `{"roots":[]}`); part(got, "result") != `{"roots":[]}` {
			t.Errorf("the backend got %s", got)
		}
		l := c.listenFor("", "")
		first := -1
		for n := -1; n != many-1; {
			m := l.told(mcp.NoteResourceUpdated)
			var got int
			if _, err := fmt.Sscan(part(string(m.Bytes(m.Params)), "n"), &got); err != nil || n >= 0 && got != n+1 {
				t.Fatalf("after %d comes %s", n, m.Raw)
			}
			if n = got; first < 0 {
				first = n
			}
		}
		if kept := many - first; kept > 300 {
			t.Errorf("%d messages were kept for a client without a stream", kept)
		}
		w.news(mcp.NoteResourceUpdated, updateOfA)
		l.told(mcp.NoteResourceUpdated)
	})
}
