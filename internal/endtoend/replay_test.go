package endtoend_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// nextPlaced returns the next message of a stream with its place.
func (r *reply) nextPlaced() (place, data string, err error) {
	for {
		line, err := r.events.ReadString('\n')
		if err != nil {
			return "", "", err
		}
		if value, ok := strings.CutPrefix(line, "id: "); ok {
			place = strings.TrimSpace(value)
		}
		if value, ok := strings.CutPrefix(line, "data: {"); ok {
			data = "{" + strings.TrimSpace(value)
		}
		if line == "\n" && data != "" {
			return place, data, nil
		}
	}
}

// TestALostCallLosesNothing: its connection is cut again and again; where the client resumes it gets the rest, once, in
// order, and nothing of its other call.
func TestALostCallLosesNothing(t *testing.T) {
	t.Parallel()
	const reports = 40
	r := recorders(t)
	for _, b := range cells {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			c := (&rig{t: t, url: r.url}).connect(mcp.Legacy, "/mcp/servers/"+b.name)
			other := c.post(t.Context(), c.tool(`"other"`, "chatter", `{"n":`+fmt.Sprint(reports)+`,"text":"other"}`, `"progressToken":"other",`))
			defer other.close()
			ctx, cut := context.WithCancel(t.Context())
			in := c.post(ctx, c.tool(`1`, "chatter", `{"n":`+fmt.Sprint(reports)+`,"text":"mine"}`, `"progressToken":"mine",`))
			seen, place := 0, ""
			for n := 1; ; n++ {
				at, data, err := in.nextPlaced()
				if err != nil {
					t.Fatalf("after %d reports: %v", seen, err)
				}
				place = at
				m, err := mcp.Scan([]byte(data))
				if err != nil {
					t.Fatal(err)
				}
				if m.Method == mcp.NoteProgress {
					seen++
					differ(t, "a report", fmt.Sprintf(`{"progressToken":"mine","progress":%d,"message":"mine"}`, seen), string(m.Bytes(m.Params)))
				}
				if string(m.IDBytes()) == "1" && m.Kind == mcp.Result {
					break
				}
				if m.Kind != mcp.Notification {
					t.Fatalf("got %s", data)
				}
				if n%15 == 0 {
					cut()
					in.close()
					in = c.resume(place)
				}
			}
			cut()
			in.close()
			if seen != reports {
				t.Errorf("%d reports have come, wanted %d", seen, reports)
			}
			if m := other.final(t); m.Kind != mcp.Result || string(m.IDBytes()) != `"other"` {
				t.Errorf("the other call is answered with %s", m.Raw)
			}
		})
	}
}

// TestALostListenerMissesNothing: what is told while a session's own stream is away comes when it is resumed.
func TestALostListenerMissesNothing(t *testing.T) {
	t.Parallel()
	for _, era := range bothEras {
		t.Run(era.String()+" backend", func(t *testing.T) {
			t.Parallel()
			r := start(t, setup(overHTTP(t, "b", quiet(mortalScript(era)))))
			c := r.connect(mcp.Legacy, "/mcp/servers/b")
			if m := c.ask(c.request(`1`, mcp.MethodSubscribe, `"uri":"`+mortalURI+`"`, "")); m.Kind != mcp.Result {
				t.Fatalf("%s", m.Raw)
			}
			told := 0
			tell := func(n int) {
				for range n {
					told++
					c.call("announce", fmt.Sprintf(`{"method":%q,"params":{"uri":%q,"issue":%d}}`, mcp.NoteResourceUpdated, mortalURI, told))
				}
			}
			got := 0
			take := func(in *reply, n int) (place string) {
				for range n {
					got++
					at, data, err := in.nextPlaced()
					if err != nil || !strings.Contains(data, fmt.Sprintf(`"issue":%d}`, got)) {
						t.Fatalf("waiting for issue %d: %s, %v", got, data, err)
					}
					place = at
				}
				return place
			}
			tell(1) // nobody listens yet
			first := c.listenFor("", "")
			tell(4)
			place := take(first.reply, 3)
			first.close()
			tell(5)
			again := c.resume(place)
			defer again.close()
			second := c.resume(take(again, 7))
			defer second.close()
			if _, _, err := again.nextPlaced(); err == nil {
				t.Error("two connections read one stream")
			}
			tell(2)
			take(second, 2)
		})
	}
}

// quiet is a script without changes of its own.
func quiet(s upstreamtest.Script) upstreamtest.Script {
	s.Hush = true
	return s
}

// TestStreamsArePrimedForThoseWhoKnowIt: events without data and the time to wait are of 2025-11-25.
func TestStreamsArePrimedForThoseWhoKnowIt(t *testing.T) {
	t.Parallel()
	r := start(t, setup(overHTTP(t, "b", upstreamtest.Script{Eras: legacyOnly})))
	for _, version := range mcp.Versions() {
		if mcp.EraOf(version) != mcp.Legacy {
			continue
		}
		c := r.client(mcp.Legacy, "/mcp/servers/b")
		hello := c.post(t.Context(), fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`, version))
		c.session = hello.header.Get(mcp.HeaderSession)
		if m := hello.final(t); string(mcp.Member(m.Bytes(m.Result), "protocolVersion")) != `"`+version+`"` {
			t.Errorf("%s: got %s", version, m.Raw)
		}
		in := c.post(t.Context(), c.tool(`2`, "log", `{"n":1,"text":"x"}`, ""))
		text, err := io.ReadAll(in.body)
		in.close()
		primed := strings.Contains(string(text), "retry: ") && strings.Contains(string(text), "data: \n\n")
		if err != nil || primed != (version == mcp.Version20251125) || !strings.Contains(string(text), `"id":2`) {
			t.Errorf("%s: got %q, %v", version, text, err)
		}
	}
}
