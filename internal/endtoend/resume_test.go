package endtoend_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/upstream/stdio"
	"onemcp/internal/upstream/upstreamtest"
)

// asExample makes this program the example server, which asks back in both eras.
const asExample = "ENDTOEND_EXAMPLE"

// exampleOf describes the example server as a backend of one era.
func exampleOf(t *testing.T, name string, era mcp.Era) gateway.Spec {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := spec(name)
	b.Local, b.Era = true, era
	b.Driver = stdio.Driver{Options: stdio.Options{Name: name, Command: exe, Env: append(os.Environ(), asExample+"=1"), Trace: mcptest.Watch(t)}}
	return b
}

const question = `"method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{"answer":{"type":"string"}}}}`

// TestAQuestionOnALostStreamIsAskedOnTheNext: the connection is cut when the client knows no more than that there is a
// stream. What the backend asks is asked where the client goes on, and there the answer comes, too.
func TestAQuestionOnALostStreamIsAskedOnTheNext(t *testing.T) {
	t.Parallel()
	legacy := upstreamtest.Script{Eras: legacyOnly}
	r := start(t, setup(
		overStdio(t, "legacy-stdio", legacy), overHTTP(t, "legacy-http", legacy), overSSE(t, "legacy-sse", legacy),
		exampleOf(t, "example-legacy", mcp.Legacy), exampleOf(t, "example-modern", mcp.Modern),
	))
	r.ready()
	for _, name := range []string{"legacy-stdio", "legacy-http", "legacy-sse", "example-legacy", "example-modern"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := `{` + question + `}`
			if strings.HasPrefix(name, "example") {
				args = `{"question":"?"}`
			}
			c := (&rig{t: t, url: r.url}).client(mcp.Legacy, "/mcp/servers/"+name)
			c.capabilities = `{"elicitation":{}}`
			c.initialize()
			place := c.lose(c.tool(`"lost"`, "ask", args, ""))
			in := c.resume(place)
			defer in.close()
			asked := c.read(in)
			if asked.Method != mcp.MethodElicit || !strings.Contains(string(asked.Raw), `"?"`) {
				t.Fatalf("got %s", asked.Raw)
			}
			reply := c.post(t.Context(), mcp.AppendResult(nil, asked.IDBytes(), []byte(`{"action":"accept","content":{"answer":"Ada"}}`)))
			if reply.close(); reply.status != http.StatusAccepted {
				t.Fatalf("the answer was answered with %d", reply.status)
			}
			m := c.read(in)
			if string(m.IDBytes()) != `"lost"` || m.Kind != mcp.Result || !strings.Contains(string(m.Raw), "Ada") {
				t.Errorf("got %s", m.Raw)
			}
			if _, err := in.next(); err == nil {
				t.Error("the stream goes on after the answer")
			}
		})
	}
}

// TestALostCallCanStillBeCancelled: a connection that is cut cancels nothing; the client's word does, and the backend hears it.
func TestALostCallCanStillBeCancelled(t *testing.T) {
	t.Parallel()
	r := start(t, setup(
		overStdio(t, "legacy-stdio", upstreamtest.Script{Eras: legacyOnly}), overHTTP(t, "legacy-http", upstreamtest.Script{Eras: legacyOnly}),
		overStdio(t, "modern-stdio", upstreamtest.Script{Eras: modernOnly}), overHTTP(t, "modern-http", upstreamtest.Script{Eras: modernOnly}),
	))
	r.ready()
	for _, name := range []string{"legacy-stdio", "legacy-http", "modern-stdio", "modern-http"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := (&rig{t: t, url: r.url}).connect(mcp.Legacy, "/mcp/servers/"+name)
			in := c.resume(c.lose(c.tool(`7`, "chatter", `{"n":1000000,"text":"`+name+`"}`, `"progressToken":"p",`)))
			defer in.close()
			for range 3 {
				if m := c.read(in); m.Kind != mcp.Notification {
					t.Fatalf("got %s", m.Raw)
				}
			}
			c.notify(mcp.NoteCancelled, `{"requestId":7}`)
			msgs, err := in.all()
			if err != nil {
				t.Error(err)
			}
			for _, msg := range msgs {
				if strings.Contains(string(msg), `"id":7`) {
					t.Errorf("a call that was cancelled is answered with %s", msg)
				}
			}
			c.received("", "cancelled: "+name)
		})
	}
}

// lose posts a request, and closes the connection as soon as it has seen a place in the stream, which it returns.
func (c *client) lose(body []byte) (place string) {
	c.t.Helper()
	ctx, cut := context.WithCancel(c.t.Context())
	defer cut()
	reply := c.post(ctx, body)
	defer reply.close()
	if reply.events == nil {
		c.t.Fatalf("status %d and no stream", reply.status)
	}
	for {
		line, err := reply.events.ReadString('\n')
		if err != nil {
			c.t.Fatal(err)
		}
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			return strings.TrimSpace(id)
		}
	}
}

// resume asks for the rest of a stream.
func (c *client) resume(place string) *reply {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set(mcp.HeaderSession, c.session)
	r.Header.Set("Last-Event-ID", place)
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("the rest of %s: %s", place, resp.Status)
	}
	return newReply(resp)
}

// read reads the next message.
func (c *client) read(in *reply) *mcp.Message {
	c.t.Helper()
	msg, err := in.next()
	if err != nil {
		c.t.Fatal(err)
	}
	m, err := mcp.Scan(msg)
	if err != nil {
		c.t.Fatalf("%v: %s", err, msg)
	}
	return &m
}
