package front_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

const (
	later       = `{"jsonrpc":"2.0","id":1,"method":"test/later"}`
	laterModern = `{"jsonrpc":"2.0","id":1,"method":"test/later","params":{"_meta":{` + labels + `}}}`
)

func (c *client) postModern(ctx context.Context, body string) *http.Response {
	c.t.Helper()
	return c.do(ctx, http.MethodPost, "/mcp", body, "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "test/later")
}

func TestAnAnswerWithinTheHeartbeatIsOneBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, front.Options{}, gateway.Setup{})
		r.gateway.serve["test/later"] = func(_ context.Context, _ *gateway.Client, m *mcp.Message, _ gateway.Stream) (gateway.Answer, error) {
			time.Sleep(15*time.Second - 1)
			return result(m, `{}`), nil
		}
		c := pipeClient(t, r.pipe(t))
		c.open()
		resp := c.post(t.Context(), later)
		if got := resp.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type: %s", got)
		}
		if got := read(t, resp); got != `{"jsonrpc":"2.0","id":1,"result":{}}` {
			t.Errorf("got %s", got)
		}
		c.http.CloseIdleConnections()
	})
}

func TestALateAnswerComesOnAStreamThatBeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, front.Options{}, gateway.Setup{})
		r.gateway.serve["test/later"] = func(_ context.Context, _ *gateway.Client, m *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
			time.Sleep(40 * time.Second)
			st.Send(note("nearly"))
			time.Sleep(time.Second)
			return result(m, `{}`), nil
		}
		c := pipeClient(t, r.pipe(t))
		c.open()
		start := time.Now()
		resp := c.post(t.Context(), later)
		if waited := time.Since(start); waited != 15*time.Second || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("after %s: %s %v", waited, resp.Status, resp.Header)
		}
		want := ": beat\n\nid: 1-0\nretry: 1000\ndata: \n\n: beat\n\n" +
			"event: message\nid: 1-1\ndata: " + string(note("nearly")) + "\n\n" +
			"event: message\nid: 1-2\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"
		if got := read(t, resp); got != want {
			t.Errorf("got %q\nwant %q", got, want)
		}
		c.http.CloseIdleConnections()
	})
}

func TestASessionsStreamBeatsAndEndsWithTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, front.Options{Heartbeat: time.Second}, gateway.Setup{})
		c := pipeClient(t, r.pipe(t))
		c.open()
		resp := c.do(t.Context(), http.MethodGet, "/mcp", "")
		in := bufio.NewReader(resp.Body)
		start := time.Now()
		for _, want := range []string{"id: 0-0\nretry: 1000\ndata: ", ": beat", ": beat"} {
			if got := block(t, in); got != want {
				t.Fatalf("got %q, wanted %q", got, want)
			}
		}
		if waited := time.Since(start); waited != 2*time.Second {
			t.Errorf("the stream began at once, the second beat came after %s", waited)
		}
		s, err := r.sessions.Get(c.session, "anonymous", "/mcp")
		if err != nil {
			t.Fatal(err)
		}
		s.Send(note("hi"))
		if got := block(t, in); got != "event: message\nid: 0-1\ndata: "+string(note("hi")) {
			t.Errorf("got %q", got)
		}
		read(t, c.do(t.Context(), http.MethodDelete, "/mcp", ""))
		if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
			t.Errorf("after the end: %q, %v", rest, err)
		}
		c.http.CloseIdleConnections()
	})
}

// hangUp posts body on a connection of its own, waits for the head of the answer, and closes.
func hangUp(t *testing.T, conn net.Conn, header, body string) {
	t.Helper()
	request := "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Type: application/json\r\n" + header + "\r\n" + body
	if _, err := io.WriteString(conn, strings.Replace(request, "$N", itoa(len(body)), 1)); err != nil {
		t.Fatal(err)
	}
	if got := line(t, bufio.NewReader(conn)); got != "HTTP/1.1 200 OK\r" {
		t.Fatalf("got %q", got)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

func itoa(n int) string { return string(mcp.AppendUint(nil, uint64(n))) }

// untilEnd is a Serve that makes a stream, and reports what ended its context.
func untilEnd(ended chan<- error) serveFunc {
	return func(ctx context.Context, _ *gateway.Client, _ *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
		st.Send(note("begun"))
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return gateway.Answer{}, context.Cause(ctx)
	}
}

func TestClosingAModernStreamCancelsTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, front.Options{}, gateway.Setup{})
		ended := make(chan error, 1)
		r.gateway.serve["test/later"] = untilEnd(ended)
		dial := r.pipe(t)
		hangUp(t, dial(), "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: test/later\r\nContent-Length: $N\r\n", laterModern)
		if err := receive(t, ended, "the end of the request"); !errors.Is(err, context.Canceled) {
			t.Errorf("ended by %v", err)
		}
	})
}

func TestALegacyCallGoesOnWithoutItsConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, front.Options{}, gateway.Setup{})
		ended := make(chan error, 1)
		r.gateway.serve["test/later"] = untilEnd(ended)
		dial := r.pipe(t)
		c := pipeClient(t, dial)
		c.open()
		hangUp(t, dial(), "Mcp-Session-Id: "+c.session+"\r\nContent-Length: $N\r\n", later)
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("the call has ended: %v", err)
		default:
		}
		read(t, c.do(t.Context(), http.MethodDelete, "/mcp", ""))
		if err := receive(t, ended, "the end of the call"); !errors.Is(err, session.ErrEnded) {
			t.Errorf("ended by %v", err)
		}
		c.http.CloseIdleConnections()
	})
}

func TestACancellationEndsTheCallWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, front.Options{}, gateway.Setup{})
		ended := make(chan error, 1)
		r.gateway.serve["test/later"] = untilEnd(ended)
		c := pipeClient(t, r.pipe(t))
		c.open()
		resp := c.post(t.Context(), later)
		in := bufio.NewReader(resp.Body)
		next(t, in)
		read(t, c.post(t.Context(), `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`))
		if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
			t.Errorf("after the cancellation: %q, %v", rest, err)
		}
		c.http.CloseIdleConnections()
	})
}

// A client that does not read costs what is buffered for it until the write's deadline, and then its stream. Nobody who
// sends to it waits.
func TestASlowReaderLosesItsStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, front.Options{WriteTimeout: 10 * time.Second}, gateway.Setup{})
		ended := make(chan error, 1)
		sent := make(chan time.Duration, 1)
		r.gateway.serve["test/later"] = func(ctx context.Context, _ *gateway.Client, _ *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
			start := time.Now()
			for range 100 {
				st.Send(note(strings.Repeat("x", 100<<10)))
			}
			sent <- time.Since(start)
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return gateway.Answer{}, context.Cause(ctx)
		}
		c := pipeClient(t, r.pipe(t))
		start := time.Now()
		resp := c.postModern(t.Context(), laterModern)
		defer resp.Body.Close()
		if waited := receive(t, sent, "the sender"); waited != 0 {
			t.Errorf("the sender waited for %s", waited)
		}
		receive(t, ended, "the end of the request")
		if waited := time.Since(start); waited != 10*time.Second {
			t.Errorf("the stream ended after %s", waited)
		}
	})
}

func TestABodyThatDoesNotComeIsNotAwaitedForEver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		to, header, want string
		after            time.Duration
	}{
		"of a message":            {"POST /mcp", "Content-Type: application/json\r\nContent-Length: 100", "408 Request Timeout", 20 * time.Second},
		"of what is refused":      {"POST /mcp", "Content-Type: text/plain\r\nContent-Length: 100", "415 Unsupported Media Type", 0},
		"in chunks":               {"POST /mcp", "Content-Type: application/json\r\nTransfer-Encoding: chunked", "408 Request Timeout", 20 * time.Second},
		"in chunks, refused":      {"POST /mcp", "Transfer-Encoding: chunked", "415 Unsupported Media Type", 20 * time.Second},
		"where none is meant":     {"GET /health", "Content-Length: 100", "408 Request Timeout", 20 * time.Second},
		"in chunks where none is": {"GET /health", "Transfer-Encoding: chunked", "408 Request Timeout", 20 * time.Second},
		"of OPTIONS":              {"OPTIONS /mcp", "Transfer-Encoding: chunked", "204 No Content", 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, front.Options{BodyTimeout: 20 * time.Second}, gateway.Setup{})
				conn := r.pipe(t)()
				defer conn.Close()
				if _, err := io.WriteString(conn, c.to+" HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n"+c.header+"\r\n\r\n{"); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if got := line(t, bufio.NewReader(conn)); got != "HTTP/1.1 "+c.want+"\r" {
					t.Errorf("got %q", got)
				}
				if waited := time.Since(start); waited != c.after {
					t.Errorf("answered after %s", waited)
				}
			})
		})
	}
}

// TestABodyWhereNoneIsMeantDoesNoHarm: not to the next request, nor, though it has to come in time, to a long stream. Some
// proxies send such, empty and in chunks.
func TestABodyWhereNoneIsMeantDoesNoHarm(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"in chunks":     "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"with a length": "Content-Length: 2\r\n\r\n{}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, front.Options{BodyTimeout: 20 * time.Second}, gateway.Setup{})
				conn := r.pipe(t)()
				defer conn.Close()
				in := bufio.NewReader(conn)
				for _, path := range []string{"/health", "/sse"} {
					if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n"+body); err != nil {
						t.Fatal(err)
					}
					resp, err := http.ReadResponse(in, nil)
					if err != nil || resp.StatusCode != http.StatusOK {
						t.Fatalf("%s: %v, %v", path, resp, err)
					}
					if path == "/health" {
						_, _ = io.Copy(io.Discard, resp.Body)
						continue
					}
					for begin, events := time.Now(), bufio.NewReader(resp.Body); time.Since(begin) < time.Minute; {
						line(t, events)
					}
				}
			})
		})
	}
}

func TestALongBodyWhereNoneIsMeantIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, front.Options{}, gateway.Setup{})
	for path, want := range map[string]int{"/health": http.StatusRequestEntityTooLarge, "/nothing": http.StatusNotFound} {
		w := httptest.NewRecorder()
		r.front.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost"+path, strings.NewReader(strings.Repeat("x", 1<<20))))
		if w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// HAProxy's own check, and old proxies.
func TestHTTP10(t *testing.T) {
	t.Parallel()
	r := newRig(t, front.Options{}, gateway.Setup{})
	r.gateway.serve["test/later"] = func(_ context.Context, _ *gateway.Client, m *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
		st.Send(note("1"))
		return result(m, `{"resultType":"complete"}`), nil
	}
	addr := strings.TrimPrefix(r.listen(t), "http://")
	for name, c := range map[string]struct{ request, want string }{
		"check": {"OPTIONS / HTTP/1.0\r\n\r\n", "HTTP/1.0 204 No Content\r\n"},
		"stream": {
			"POST /mcp HTTP/1.0\r\nHost: localhost\r\nAccept: */*\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: test/later\r\nContent-Length: " + itoa(len(laterModern)) + "\r\n\r\n" + laterModern,
			"\r\n\r\nevent: message\ndata: " + string(note("1")) + "\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"complete\"}}\n\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, c.request); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(conn)
			if err != nil || !strings.Contains(string(got), c.want) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
