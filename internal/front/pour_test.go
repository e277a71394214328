package front_test

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/trace"
)

const pourRequest = `{"jsonrpc":"2.0","id":1,"method":"test/pour","params":{}}`

// newPourRig is a rig in which test/pour is served by a function.
func newPourRig(t *testing.T, o front.Options, serve serveFunc) *rig {
	t.Helper()
	r := newUnwatched(t, o, gateway.Setup{})
	r.gateway.serve["test/pour"] = serve
	return r
}

// poured is how a pour ends.
type poured func(ctx context.Context, st gateway.Stream, to io.WriteCloser) error

func TestAnAnswerIsPoured(t *testing.T) {
	t.Parallel()
	body := `{"jsonrpc":"2.0","id":1,"result":"` + strings.Repeat("x", 100<<10) + `"}`
	all := func(to io.WriteCloser) error {
		_, err := io.WriteString(to, body)
		if err == nil {
			err = to.Close()
		}
		return err
	}
	failed := fault.New(fault.Unavailable, "as asked")
	tests := []struct {
		name   string
		length int
		does   poured
		want   string // empty: the body breaks
	}{
		{"whole", len(body), func(_ context.Context, _ gateway.Stream, to io.WriteCloser) error { return all(to) }, body},
		{"of unknown length", -1, func(_ context.Context, _ gateway.Stream, to io.WriteCloser) error { return all(to) }, body},
		{"with a message behind, which is lost", -1, func(_ context.Context, st gateway.Stream, to io.WriteCloser) error {
			st.Send(note("late"))
			return all(to)
		}, body},
		{"failed before it began", len(body), func(context.Context, gateway.Stream, io.WriteCloser) error { return failed },
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"as asked"}}`},
		{"all but closed", len(body), func(_ context.Context, _ gateway.Stream, to io.WriteCloser) error {
			_, _ = io.WriteString(to, body)
			return failed
		}, ""},
		{"all but closed, of unknown length", -1, func(_ context.Context, _ gateway.Stream, to io.WriteCloser) error {
			_, _ = io.WriteString(to, body)
			return failed
		}, ""},
		{"shorter than was said", len(body) + 1, func(_ context.Context, _ gateway.Stream, to io.WriteCloser) error {
			if err := all(to); err == nil {
				t.Error("it is taken for whole")
			}
			return failed
		}, ""},
		{"longer than was said", len(body) - 1, func(_ context.Context, _ gateway.Stream, to io.WriteCloser) error {
			_, _ = io.WriteString(to, body[:50<<10])
			_, err := io.WriteString(to, body[50<<10:])
			return err
		}, ""},
		{"in a panic", -1, func(_ context.Context, _ gateway.Stream, to io.WriteCloser) error {
			_, _ = io.WriteString(to, body)
			panic("as asked")
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newPourRig(t, front.Options{}, func(ctx context.Context, _ *gateway.Client, _ *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
				to := st.(gateway.Pourer).Pour(ctx, int64(tt.length), false)
				if again := st.(gateway.Pourer).Pour(ctx, -1, false); again != nil {
					t.Error("it can be poured twice")
				}
				return gateway.Answer{}, tt.does(ctx, st, to)
			})
			c := newClient(t, r.listen(t))
			c.open()
			resp := c.post(t.Context(), pourRequest)
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			switch {
			case tt.want == "" && err == nil:
				t.Errorf("a body of %d bytes has an end", len(got))
			case tt.want != "" && (err != nil || string(got) != tt.want || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json"):
				t.Errorf("%d %s, %.200q, %v", resp.StatusCode, resp.Header, got, err)
			}
		})
	}
}

// TestTheEndOfACallDoesNotBreakItsAnswer, the rest of which is still to be flushed.
func TestTheEndOfACallDoesNotBreakItsAnswer(t *testing.T) {
	t.Parallel()
	const body = `{"jsonrpc":"2.0","id":1,"result":"small enough to wait for the flush"}`
	r := newPourRig(t, front.Options{}, func(ctx context.Context, _ *gateway.Client, _ *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
		ctx, end := context.WithCancel(ctx)
		to := st.(gateway.Pourer).Pour(ctx, -1, false)
		_, err := io.WriteString(to, body)
		if err == nil {
			err = to.Close()
		}
		end()
		for range 100 {
			runtime.Gosched()
		}
		return gateway.Answer{}, err
	})
	c := newClient(t, r.listen(t))
	c.open()
	for range 100 {
		if got := read(t, c.post(t.Context(), pourRequest)); got != body {
			t.Fatalf("%q", got)
		}
	}
}

// TestAnAnswerIsNotPoured where it is not to be a body of its own, or has to be seen whole.
func TestAnAnswerIsNotPoured(t *testing.T) {
	t.Parallel()
	var sends bool
	serve := func(ctx context.Context, _ *gateway.Client, m *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
		if sends {
			st.Send(note("first"))
		}
		if p, ok := st.(gateway.Pourer); ok && p.Pour(ctx, -1, false) != nil {
			t.Error("it could be poured")
		}
		return result(m, `{}`), nil
	}
	sends = true
	r := newPourRig(t, front.Options{}, serve)
	c := newClient(t, r.listen(t))
	c.open()
	if got := read(t, c.post(t.Context(), pourRequest)); !strings.Contains(got, "event: message") {
		t.Errorf("%q", got)
	}
	sends = false
	c.session = ""
	resp := c.post(t.Context(), strings.Replace(hello, "2025-11-25", mcp.Version20250326, 1))
	read(t, resp)
	c.session = resp.Header.Get(mcp.HeaderSession)
	if got := read(t, c.post(t.Context(), "["+pourRequest+"]")); got != `[{"jsonrpc":"2.0","id":1,"result":{}}]` {
		t.Errorf("a batch is answered with %q", got)
	}
	traced := newClient(t, newPourRig(t, front.Options{Trace: func(trace.Event) {}}, serve).listen(t))
	traced.open()
	read(t, traced.post(t.Context(), pourRequest))
}

// TestAPourIsNotDisturbedByTime, however long its pieces and its end take to come: neither by a heartbeat nor by the deadline of
// an earlier write.
func TestAPourIsNotDisturbedByTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newPourRig(t, front.Options{}, func(ctx context.Context, _ *gateway.Client, m *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
			to := st.(gateway.Pourer).Pour(ctx, -1, false)
			for _, piece := range []string{`{"jsonrpc":"2.0","id":1,`, `"result":{}}`} {
				time.Sleep(time.Hour)
				if _, err := io.WriteString(to, piece); err != nil {
					return gateway.Answer{}, err
				}
			}
			time.Sleep(time.Hour)
			return gateway.Answer{}, to.Close()
		})
		c := pipeClient(t, r.pipe(t))
		c.open()
		if got := read(t, c.post(t.Context(), pourRequest)); got != `{"jsonrpc":"2.0","id":1,"result":{}}` {
			t.Errorf("%q", got)
		}
		c.http.CloseIdleConnections()
	})
}
