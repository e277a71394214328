package gateway

import (
	"fmt"
	"slices"
	"testing"

	"onemcp/internal/mcp"
)

// heard is a client's stream that remembers.
type heard struct{ lines []string }

func (h *heard) Send(msg []byte) { h.lines = append(h.lines, string(msg)) }

func scan(t *testing.T, format string, args ...any) *mcp.Message {
	t.Helper()
	m, err := mcp.Scan(fmt.Appendf(nil, format, args...))
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// TestProgressWhileTheClientAnswers is not lost: the last report is the first thing the retry hears, with the retry's token.
func TestProgressWhileTheClientAnswers(t *testing.T) {
	t.Parallel()
	attempt := func(token string) (*call, *heard) {
		h := &heard{}
		return &call{st: h, c: &Client{}, m: scan(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{%s}}}`, token)}, h
	}
	p := &parked{}
	sink := &callSink{k: &call{parked: p}, r: 7}
	report := func(token, n int) {
		sink.Notify(scan(t, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%d,"progress":%d}}`, token, n))
	}
	want := func(h *heard, lines ...string) {
		t.Helper()
		if !slices.Equal(h.lines, lines) {
			t.Errorf("heard %q, wanted %q", h.lines, lines)
		}
	}
	is := func(token string, n int) string {
		return fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d}}`, token, n)
	}
	first, before := attempt(`"progressToken":"first"`)
	p.attach(first)
	report(7, 1)
	want(before, is(`"first"`, 1))
	p.detach()
	report(7, 2)
	report(7, 3)
	report(8, 4) // of another call
	want(before, is(`"first"`, 1))
	retry, after := attempt(`"progressToken":2.0`)
	p.attach(retry)
	want(after, is(`2.0`, 3))
	report(7, 5)
	want(after, is(`2.0`, 3), is(`2.0`, 5))
	p.detach()
	report(7, 6)
	silent, none := attempt(``)
	p.attach(silent)
	want(none)
}
