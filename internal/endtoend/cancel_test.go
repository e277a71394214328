package endtoend_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// exchange is a POST whose answer is read in the background.
type exchange struct {
	c      *client
	id     string
	leave  context.CancelFunc // closes the connection
	msgs   chan *mcp.Message  // what comes, in order; closed at the end
	status int                // valid when msgs is closed
}

// begin posts a request.
func (c *client) begin(id string, body []byte) *exchange {
	ctx, cancel := context.WithCancel(context.Background())
	x := &exchange{c: c, id: id, leave: cancel, msgs: make(chan *mcp.Message, 1000)}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(x.msgs)
		reply, err := c.tryPost(ctx, body)
		if err != nil {
			return
		}
		defer reply.close()
		x.status = reply.status
		for {
			msg, err := reply.next()
			m, bad := mcp.Scan(msg)
			if err != nil || bad != nil {
				return
			}
			if x.msgs <- &m; reply.events == nil {
				return
			}
		}
	})
	c.t.Cleanup(func() {
		cancel()
		reading.Wait()
	})
	return x
}

// next waits for a message.
func (x *exchange) next() *mcp.Message {
	x.c.t.Helper()
	m := receive(x.c.t, x.msgs, "a message")
	if m == nil {
		x.c.t.Fatalf("nothing comes any more for %s (status %d)", x.id, x.status)
	}
	return m
}

// cancel gives a request up in the way of its client's era.
func (x *exchange) cancel() {
	x.c.t.Helper()
	if x.c.era == mcp.Modern {
		x.leave()
		return
	}
	x.c.notify(mcp.NoteCancelled, `{"requestId":`+x.id+`,"reason":"enough"}`)
}

// unanswered fails the test if an answer has come, or comes.
func (x *exchange) unanswered() {
	x.c.t.Helper()
	for {
		switch m := receive(x.c.t, x.msgs, "the end of the exchange"); {
		case m == nil:
			return
		case m.Kind == mcp.Result || m.Kind == mcp.Error:
			x.c.t.Errorf("a request that was cancelled is answered with %s", m.Raw)
		}
	}
}

// TestACancellationReachesTheBackend in the form of the backend's era and transport, and whatever the backend says then, it
// is no answer to the client.
func TestACancellationReachesTheBackend(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		for i, tool := range []string{"hang", "late"} {
			c, mark := w.connect(), fmt.Sprintf("to be cancelled %d", i)
			id := []string{`"a\u0062\"\\"`, `9007199254740993`}[i]
			x := c.begin(id, c.tool(id, w.own(tool), fmt.Sprintf(`{"text":%q}`, mark), ""))
			arrived := w.heard(mark, 1)
			x.cancel()
			w.heard("cancelled: "+mark, 1)
			x.unanswered()
			if w.name != "modern-http" { // there the end of the stream was the cancellation
				said := w.heard(mcp.NoteCancelled, i+1)
				differ(t, "the id that is cancelled", part(arrived, "id"), part(part(said, "params"), "requestId"))
			}
		}
		if w.name == "modern-http" {
			w.silent(mcp.NoteCancelled)
		}
	})
}

// silent fails the test if the backend has received a message that holds a text.
func (w *world) silent(text string) {
	w.t.Helper()
	if n := w.times(text); n != 0 {
		w.t.Errorf("the backend has received %d messages with %s", n, text)
	}
}

// TestALostConnectionOfALegacyClientCancelsNothing: the call goes on, and the client can still have it cancelled.
func TestALostConnectionOfALegacyClientCancelsNothing(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		if w.caller == mcp.Modern {
			t.Log("closing is how a modern client cancels")
			return
		}
		c := w.connect()
		x := c.begin(`1`, c.tool(`1`, w.own("hang"), `{"text":"to be lost"}`, ""))
		w.heard("to be lost", 1)
		x.leave()
		x.unanswered()
		w.connect().call(w.own("echo"), `{}`)
		w.silent("cancelled: to be lost")
		x.cancel()
		w.heard("cancelled: to be lost", 1)
	})
}

// TestTheBackendIsToldOfATimeout of the gateway's own; the client gets an error.
func TestTheBackendIsToldOfATimeout(t *testing.T) {
	t.Parallel()
	for _, c := range append([]cell{shared}, cells...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, _ := way{cell: c}.backend(t, "b", upstreamtest.Script{})
			b.RequestTimeout = 500 * time.Millisecond
			w := &world{way: way{mcp.Legacy, c, false}, rig: start(t, setup(b))}
			w.ready()
			for _, w.caller = range bothEras {
				mark := w.caller.String() + " client's call"
				client := w.connect()
				m := client.ask(client.tool(`"x"`, "hang", fmt.Sprintf(`{"text":%q}`, mark), ""))
				if m.Kind != mcp.Error || m.ErrorCode() != mcp.CodeInternal || !strings.Contains(m.ErrorMessage(), "was silent for") {
					t.Errorf("the client gets %s", m.Raw)
				}
				for told := false; !told; { // the question may take too long, too
					m := client.ask(client.tool(client.nextID(), "heard", fmt.Sprintf(`{"text":"cancelled: %s"}`, mark), ""))
					told = m.Kind == mcp.Result
				}
			}
		})
	}
}

// TestABackendWithdrawsItsQuestion: the client that was asked is told so, with the id it was asked with, and nobody answers the
// backend.
func TestABackendWithdrawsItsQuestion(t *testing.T) {
	t.Parallel()
	along(t, ways(shared, cells[0], cells[1], cells[2]), upstreamtest.Script{}, func(t *testing.T, w *world) {
		c := w.rig.client(w.caller, w.path())
		c.capabilities = `{"elicitation":{}}`
		if w.caller == mcp.Modern {
			w.withdrawn(c)
			return
		}
		c.initialize()
		x := c.begin(`1`, c.tool(`1`, w.own("withdraw"), `{}`, ""))
		asked, said := x.next(), x.next()
		if asked.Method != mcp.MethodElicit || said.Method != mcp.NoteCancelled {
			t.Fatalf("got %s and %s", asked.Raw, said.Raw)
		}
		differ(t, "the id that is cancelled", string(asked.IDBytes()), string(said.Value(mcp.FieldRequestID)))
		if m := x.next(); m.Kind != mcp.Result || string(m.IDBytes()) != `1` {
			t.Errorf("the call is answered with %s", m.Raw)
		}
		reply := c.post(t.Context(), mcp.AppendResult(nil, asked.IDBytes(), []byte(`{"action":"accept"}`)))
		if reply.close(); reply.status != http.StatusAccepted {
			t.Errorf("the late answer was answered with %d", reply.status)
		}
		w.connect().call(w.own("echo"), `{}`)
		w.silent(`"ask-1"`)
	})
}

// withdrawn: a modern client need not learn of the question; if it does it may ask on, and gets the result.
func (w *world) withdrawn(c *client) {
	w.t.Helper()
	more := ""
	for {
		m := c.ask(c.request(c.nextID(), mcp.MethodToolsCall, `"name":"`+w.own("withdraw")+`","arguments":{}`+more, ""))
		switch kind, _ := m.Text(mcp.FieldResultType); kind {
		case "complete":
			w.silent(`"ask-1"`)
			return
		case "input_required":
			more = `,"requestState":` + part(string(m.Bytes(m.Result)), "requestState")
		default:
			w.t.Fatalf("got %s", m.Raw)
		}
	}
}

// TestAnOpeningIsNotCancelled: neither a client that gives up initialize, nor the gateway itself, cancels it.
func TestAnOpeningIsNotCancelled(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/mcp", "/mcp/servers/b"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			server := newWeb(upstreamtest.Script{Eras: legacyOnly})
			heard := make(chan string, 1000)
			server.posted = func(body []byte) { heard <- string(body) }
			server.gate = make(chan struct{})
			b := server.serve(t, "b")
			b.Era, b.Isolation = mcp.Legacy, gateway.PerSession
			r := start(t, setup(b))
			c := r.client(mcp.Legacy, path)
			x := c.begin(`"hello"`, []byte(`{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`))
			if path == "/mcp" {
				x.next()
			}
			x.leave()
			close(server.gate)
			r.ready()
			r.connect(mcp.Legacy, "/mcp/servers/b").call("echo", `{}`)
			for len(heard) > 0 {
				if said := <-heard; strings.Contains(said, mcp.NoteCancelled) {
					t.Errorf("the backend was sent %s", said)
				}
			}
		})
	}
}
