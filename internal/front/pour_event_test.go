package front_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
)

const modernPour = `{"jsonrpc":"2.0","id":1,"method":"test/pour","params":{"_meta":{` + labels + `}}}`

func (c *client) postModernPour() *http.Response {
	c.t.Helper()
	return c.do(c.t.Context(), http.MethodPost, "/mcp", modernPour, "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "test/pour")
}

// TestAnAnswerIsPouredIntoAStream that has begun, behind all that was sent.
func TestAnAnswerIsPouredIntoAStream(t *testing.T) {
	t.Parallel()
	const notes = 100
	long := strings.Repeat("x", 100<<10)
	body := "{\"jsonrpc\":\"2.0\",\r\n\n\"id\":1,\r\"result\":\"" + long + "\"\n}"
	lines := "event: message\ndata: {\"jsonrpc\":\"2.0\",\ndata: \ndata: \"id\":1,\ndata: \"result\":\"" + long + "\"\ndata: }\n\n"
	var before strings.Builder
	for range notes {
		before.WriteString("event: message\ndata: " + string(note("1")) + "\n\n")
	}
	failed := fault.New(fault.Unavailable, "as asked")
	tests := []struct {
		name string
		does func(st gateway.Stream, to io.WriteCloser) error
		want string // behind the notes; empty: the stream breaks
	}{
		{"whole", func(_ gateway.Stream, to io.WriteCloser) error {
			if _, err := io.WriteString(to, body); err != nil {
				return err
			}
			return to.Close()
		}, lines},
		{"in pieces", func(st gateway.Stream, to io.WriteCloser) error {
			st.Send(note("late"))
			for rest := body; rest != ""; { // none is cut between CR and LF, which would be two lines
				n := min(len(rest), 19)
				if _, err := io.WriteString(to, rest[:n]); err != nil {
					return err
				}
				rest = rest[n:]
			}
			return to.Close()
		}, lines},
		{"nothing", func(_ gateway.Stream, to io.WriteCloser) error {
			_ = to.Close()
			return failed
		}, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"as asked\"}}\n\n"},
		{"failed before it began", func(gateway.Stream, io.WriteCloser) error { return failed },
			"event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"as asked\"}}\n\n"},
		{"all but closed, so that it is no message, and the error is", func(_ gateway.Stream, to io.WriteCloser) error {
			_, _ = io.WriteString(to, body)
			return failed
		}, strings.TrimSuffix(lines, "\n") + "event: incomplete\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"as asked\"}}\n\n"},
		{"in a panic", func(_ gateway.Stream, to io.WriteCloser) error {
			_, _ = io.WriteString(to, body)
			panic("as asked")
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newPourRig(t, front.Options{}, func(ctx context.Context, _ *gateway.Client, _ *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
				for range notes {
					st.Send(note("1"))
				}
				to := st.(gateway.Pourer).Pour(ctx, int64(len(body)), false)
				return gateway.Answer{}, tt.does(st, to)
			})
			resp := newClient(t, r.listen(t)).postModernPour()
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			rest, is := strings.CutPrefix(string(got), before.String())
			switch {
			case !is || resp.Header.Get("Content-Type") != "text/event-stream":
				t.Errorf("%s, %.300q", resp.Header, got)
			case tt.want == "" && err == nil:
				t.Errorf("a stream of %d bytes has an end", len(got))
			case tt.want != "" && (err != nil || rest != tt.want):
				t.Errorf("%.200q, %v", rest, err)
			}
		})
	}
}

// TestAnEventIsPouredAsOne, so that an error can take its place, to clients of both eras.
func TestAnEventIsPouredAsOne(t *testing.T) {
	t.Parallel()
	const body = `{"jsonrpc":"2.0","id":1,"result":{}}`
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"whole":  {nil, "event: message\ndata: " + body + "\n\n"},
		"broken": {fault.New(fault.Unavailable, "as asked"), "event: message\ndata: " + body + "\nevent: incomplete\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"as asked\"}}\n\n"},
	} {
		r := newPourRig(t, front.Options{}, func(ctx context.Context, _ *gateway.Client, _ *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
			to := st.(gateway.Pourer).Pour(ctx, -1, true)
			if _, err := io.WriteString(to, body); err != nil || tt.err != nil {
				return gateway.Answer{}, errors.Join(err, tt.err)
			}
			return gateway.Answer{}, to.Close()
		})
		legacy := newClient(t, r.listen(t))
		legacy.open()
		for era, resp := range map[string]*http.Response{
			"modern": newClient(t, r.listen(t)).postModernPour(), "legacy": legacy.post(t.Context(), pourRequest),
		} {
			if got := read(t, resp); got != tt.want || resp.Header.Get("Content-Type") != "text/event-stream" {
				t.Errorf("%s, %s: %s, %q", name, era, resp.Header, got)
			}
		}
	}
}

// TestAPourIntoAStreamEndsWithItsClient, whether it waits for what was sent before or for the answer's own place.
func TestAPourIntoAStreamEndsWithItsClient(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	begun := make(chan struct{})
	r := newPourRig(t, front.Options{}, func(ctx context.Context, _ *gateway.Client, _ *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
		st.Send(note("1"))
		to := st.(gateway.Pourer).Pour(ctx, -1, false)
		close(begun)
		for {
			if _, err := io.WriteString(to, strings.Repeat("x", 1<<20)); err != nil {
				ended <- err
				return gateway.Answer{}, err
			}
		}
	})
	resp := newClient(t, r.listen(t)).postModernPour()
	<-begun
	resp.Body.Close()
	if err := <-ended; err == nil {
		t.Error("it ends without an error")
	}
}

// TestAPourIntoAStreamEndsWithItsCall also while it waits for a client that has not read what was sent before. The stream has no
// end that could be taken for one without an answer.
func TestAPourIntoAStreamEndsWithItsCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const patience = time.Second // for the backend
		failed := make(chan time.Duration, 1)
		r := newPourRig(t, front.Options{}, func(ctx context.Context, _ *gateway.Client, _ *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
			st.Send(note(strings.Repeat("1", 100<<10)))
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			to := st.(gateway.Pourer).Pour(ctx, -1, false)
			start := time.Now()
			_, err := io.WriteString(to, `{"jsonrpc":"2.0","id":1,"result":{}}`)
			failed <- time.Since(start)
			return gateway.Answer{}, err
		})
		c := pipeClient(t, r.pipe(t))
		resp := c.postModernPour()
		if took := <-failed; took != patience {
			t.Errorf("it ends after %s", took)
		}
		synctest.Wait()
		if got, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("a stream of %d bytes has an end", len(got))
		}
		resp.Body.Close()
		c.http.CloseIdleConnections()
	})
}
