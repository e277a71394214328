package front_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

// oldClient speaks HTTP+SSE.
type oldClient struct {
	*client
	in    *bufio.Reader
	inbox string // path and query to post to
	leave context.CancelFunc
}

func dialOld(c *client, path string) *oldClient {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	resp := c.do(ctx, http.MethodGet, path, "")
	c.t.Cleanup(func() { _ = resp.Body.Close() })
	old := &oldClient{client: c, in: bufio.NewReader(resp.Body), leave: cancel}
	first := block(c.t, old.in)
	inbox, ok := strings.CutPrefix(first, "event: endpoint\ndata: ")
	if !ok || !strings.HasPrefix(inbox, "/messages?sessionId=") {
		c.t.Fatalf("the stream begins with %q", first)
	}
	old.inbox = inbox
	return old
}

func (c *oldClient) post(body string) {
	c.t.Helper()
	resp := c.do(c.t.Context(), http.MethodPost, c.inbox, body, "Accept", "")
	if read(c.t, resp); resp.StatusCode != http.StatusAccepted {
		c.t.Fatalf("the post was answered with %s", resp.Status)
	}
}

// next returns the next message. That a list has changed may come at any time, since a backend may come
// after its client.
func (c *oldClient) next() string {
	c.t.Helper()
	for {
		msg, ok := strings.CutPrefix(block(c.t, c.in), "event: message\ndata: ")
		if ok && !strings.Contains(msg, "list_changed") {
			return msg
		}
	}
}

func (c *oldClient) ask(body string) string {
	c.t.Helper()
	c.post(body)
	return c.next()
}

func TestAnOldClient(t *testing.T) {
	t.Parallel()
	r := newRig(t, front.Options{}, gateway.Setup{Backends: []gateway.Spec{backend(t, "red")}})
	c := dialOld(newClient(t, r.listen(t)), "/sse/servers/red")
	if got := c.ask(`{"jsonrpc":"2.0","id":1,"method":"ping"}`); !strings.Contains(got, `"code":-32602,"message":"the session is not open (send initialize first)"`) {
		t.Errorf("before initialize: %s", got)
	}
	if got := c.ask(strings.Replace(hello, "2025-11-25", "2024-11-05", 1)); !strings.Contains(got, `"protocolVersion":"2024-11-05"`) {
		t.Errorf("initialize: %s", got)
	}
	c.post(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	want := `{"jsonrpc":"2.0","id":"e","result":{"content":[],"structuredContent":{"name":"echo","arguments":{}}}}`
	if got := c.ask(`{"jsonrpc":"2.0","id":"e","method":"tools/call","params":{"name":"echo","arguments":{}}}`); got != want {
		t.Errorf("got %s", got)
	}
	c.post(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"_meta":{"progressToken":"p"},"name":"progress","arguments":{"n":1}}}`)
	if got := c.next(); !strings.Contains(got, `"progressToken":"p"`) {
		t.Errorf("got %s", got)
	}
	if got := c.next(); !strings.Contains(got, `"id":2,"result"`) {
		t.Errorf("got %s", got)
	}
	if got := c.ask(hello); !strings.Contains(got, "this stream has been initialized already") {
		t.Errorf("a second initialize: %s", got)
	}
	if n := r.sessions.Len(); n != 1 {
		t.Errorf("there are %d sessions", n)
	}
}

func TestAnOldClientsSessionEndsWithItsStream(t *testing.T) {
	t.Parallel()
	r := newRig(t, front.Options{}, gateway.Setup{})
	begun, ended := make(chan struct{}), make(chan error, 1)
	r.gateway.serve["test/later"] = func(ctx context.Context, _ *gateway.Client, _ *mcp.Message, _ gateway.Stream) (gateway.Answer, error) {
		select {
		case begun <- struct{}{}:
			<-ctx.Done()
			ended <- context.Cause(ctx)
		case <-ctx.Done(): // one of those that come too late
		}
		return gateway.Answer{}, context.Cause(ctx)
	}
	c := dialOld(newClient(t, r.listen(t)), "/sse")
	c.ask(hello)
	c.post(later)
	receive(t, begun, "the call")
	c.leave()
	if err := receive(t, ended, "the end of the call"); !errors.Is(err, context.Canceled) && !errors.Is(err, session.ErrEnded) {
		t.Errorf("ended by %v", err)
	}
	for { // the stream's handler ends the session, then waits for its calls, then has the stream forgotten
		resp := c.do(t.Context(), http.MethodPost, c.inbox, later)
		if read(t, resp); resp.StatusCode == http.StatusNotFound && r.sessions.Len() == 0 {
			break
		}
	}
}

func TestAnOldClientHearsOfItsSessionsEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, front.Options{}, gateway.Setup{})
	c := dialOld(newClient(t, r.listen(t)), "/sse?tags=a")
	c.ask(hello)
	run(r.sessions.Run)() // ends them all
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

func TestAPanicInAnOldClientsCallIsItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t, front.Options{}, gateway.Setup{})
	c := dialOld(newClient(t, r.listen(t)), "/sse")
	c.ask(hello)
	if got := c.ask(`{"jsonrpc":"2.0","id":1,"method":"test/fail","params":{"name":"panic"}}`); !strings.Contains(got, `"message":"internal error"`) {
		t.Errorf("got %s", got)
	}
	if got := c.ask(`{"jsonrpc":"2.0","id":2,"method":"ping"}`); got != `{"jsonrpc":"2.0","id":2,"result":{}}` {
		t.Errorf("got %s", got)
	}
}
