package gateway

import (
	"fmt"
	"slices"
	"strings"
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

func newParked(g *Gateway) *parked {
	return &parked{g: g, first: &call{c: &Client{}}, ended: make(chan struct{}), nudge: make(chan struct{}, 1), cancel: func(error) {}}
}

// away has the client go.
func (p *parked) away() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client = nil
}

// TestProgressWhileTheClientAnswers is not lost: the last report is the first thing the retry hears, with the retry's token.
func TestProgressWhileTheClientAnswers(t *testing.T) {
	t.Parallel()
	attempt := func(token string) (*call, *heard) {
		h := &heard{}
		return &call{st: h, c: &Client{}, m: scan(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{%s}}}`, token)}, h
	}
	p := newParked(&Gateway{parking: newParking()})
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
	p.away()
	report(7, 2)
	report(7, 3)
	report(8, 4) // of another call
	want(before, is(`"first"`, 1))
	retry, after := attempt(`"progressToken":2.0`)
	p.attach(retry)
	want(after, is(`2.0`, 3))
	report(7, 5)
	want(after, is(`2.0`, 3), is(`2.0`, 5))
	p.away()
	report(7, 6)
	silent, none := attempt(``)
	p.attach(silent)
	want(none)
}

// TestLogMessagesWhileTheClientAnswers reach the retry, as many as are kept, if the retry asks for their level.
func TestLogMessagesWhileTheClientAnswers(t *testing.T) {
	t.Parallel()
	said := func(level string, n, size int) string {
		return fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":%q,"data":"%d%s"}}`, level, n, strings.Repeat("x", size))
	}
	type line struct {
		level string
		n     int
	}
	odd := func(from, to int) (out []line) {
		for n := from; n < to; n += 2 {
			out = append(out, line{"error", n})
		}
		return out
	}
	for name, tt := range map[string]struct {
		asked string
		count int
		size  int
		want  []line
	}{
		"all":                     {"debug", 3, 1, []line{{"debug", 0}, {"error", 1}, {"debug", 2}}},
		"of a level":              {"warning", 4, 1, []line{{"error", 1}, {"error", 3}}},
		"none asked for":          {"", 4, 1, nil},
		"more than are kept":      {"error", 36, 1, odd(5, 36)},
		"longer than may be kept": {"debug", 1, maxMissed, nil},
		"more than is kept":       {"debug", 4, maxMissed/2 - 1024, []line{{"debug", 2}, {"error", 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &Gateway{parking: newParking()}
			p := newParked(g)
			sink := &callSink{k: &call{g: g, parked: p, c: &Client{Era: mcp.Modern}}, l: &link{}}
			levels := [2]string{"debug", "error"}
			for n := range tt.count {
				sink.Notify(scan(t, "%s", said(levels[n%2], n, tt.size)))
			}
			h := &heard{}
			p.attach(&call{st: h, c: &Client{Meta: mcp.ClientMeta{LogLevel: tt.asked}}, m: scan(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call"}`)})
			var want []string
			for _, l := range tt.want {
				want = append(want, said(l.level, l.n, tt.size))
			}
			if !slices.Equal(h.lines, want) {
				t.Errorf("heard %.3000q, wanted %.3000q", h.lines, want)
			}
			if bytes := g.parking.all.bytes; bytes != 0 {
				t.Errorf("%d bytes are still counted", bytes)
			}
		})
	}
}

// TestACallWithoutRoomForAQuestionFails, also when the backend answers it as soon as the question is refused.
func TestACallWithoutRoomForAQuestionFails(t *testing.T) {
	t.Parallel()
	g := &Gateway{parking: newParking()}
	g.parking.all = burden{calls: maxParked}
	p := newParked(g)
	p.caps = []byte(`{"roots":{}}`)
	reply := scan(t, `{"jsonrpc":"2.0","id":1,"result":{}}`)
	p.ask(&link{}, scan(t, `{"jsonrpc":"2.0","id":7,"method":"roots/list"}`), func([]byte) { p.settle(*reply, nil, nil) })
	if p.err == nil || !strings.Contains(p.err.Error(), "calls wait for their clients' answers") || p.reply.Raw != nil {
		t.Errorf("the outcome is %s, %v", p.reply.Raw, p.err)
	}
}

// TestWhatParkedCallsHoldIsBounded for all clients and for one, and counted until it is kept no more.
func TestWhatParkedCallsHoldIsBounded(t *testing.T) {
	t.Parallel()
	const hint = " (repeat some of them with their requestState, or call again later: each is given up after 10m0s)"
	full := burden{maxParked, maxParkedBytes}
	for name, tt := range map[string]struct {
		all, own burden
		want     string
	}{
		"nothing":                  {},
		"as much as may be":        {full, burden{maxParkedOf, maxParkedBytesOf}, ""},
		"calls of all":             {full.plus(burden{calls: 1}), burden{}, "10000 calls wait for their clients' answers, the most there may be"},
		"bytes of all":             {full.plus(burden{bytes: 1}), burden{}, "the calls that wait for their clients' answers hold 256 MiB, the most there may be"},
		"calls of one":             {burden{}, burden{calls: maxParkedOf + 1}, "1000 calls of this client wait for its answers, the most there may be"},
		"bytes of one, before all": {full.plus(full), burden{bytes: maxParkedBytesOf + 1}, "the calls of this client that wait for its answers hold 64 MiB, the most there may be"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := crowded(tt.all, tt.own); err != nil {
				got = strings.TrimSuffix(err.Error(), hint)
			}
			if got != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestParkedCallsAreCounted from their first question to their end.
func TestParkedCallsAreCounted(t *testing.T) {
	t.Parallel()
	g := &Gateway{parking: newParking()}
	p := newParked(g)
	p.size = 1000
	var answered []string
	ask := func(id int) {
		p.ask(nil, scan(t, `{"jsonrpc":"2.0","id":%d,"method":"roots/list"}`, id), func(body []byte) { answered = append(answered, string(body)) })
	}
	is := func(calls, bytes int) {
		t.Helper()
		want := burden{calls, bytes}
		if g.parking.all != want || g.parking.of[nil] != want {
			t.Errorf("counted %v of all, %v of the client; wanted %v", g.parking.all, g.parking.of[nil], want)
		}
	}
	ask(1) // of a client that cannot
	is(0, 0)
	p.caps = []byte(`{"roots":{}}`)
	one := weight(scan(t, `{"jsonrpc":"2.0","id":1,"method":"roots/list"}`))
	ask(2)
	is(1, 1000+one)
	ask(3)
	is(1, 1000+2*one)
	p.withdraw([]byte("3"))
	is(1, 1000+one)
	p.deliver([]byte(`{"q1":{"roots":[]}}`))
	is(1, 1000)
	p.leave()
	is(0, 0)
	ended := error(nil)
	p.cancel = func(err error) { ended = err }
	ask(4)
	is(0, 0)
	if len(answered) != 3 || !strings.Contains(answered[2], "the call it belongs to has ended") || ended == nil {
		t.Errorf("answered %q, ended by %v", answered, ended)
	}
	if len(g.parking.of) != 0 || len(g.parking.calls) != 0 {
		t.Errorf("%d clients and %d calls are remembered", len(g.parking.of), len(g.parking.calls))
	}
}
