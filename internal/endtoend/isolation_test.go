package endtoend_test

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/upstream/upstreamtest"
)

// ward is a guard that tells which processes have ended.
type ward struct{ ended chan int }

func (w ward) Add(int)         {}
func (w ward) Remove(pgid int) { w.ended <- pgid }

// isolated is a legacy backend with what tells that one of its connections was closed.
type isolated struct {
	name string
	make func(t *testing.T) (spec gateway.Spec, closed func())
}

var isolatedKinds = []isolated{
	{"stdio", func(t *testing.T) (gateway.Spec, func()) {
		w := ward{make(chan int, 100)}
		return overGuarded(t, "b", upstreamtest.Script{Eras: legacyOnly}, w, oddOpening), func() { receive(t, w.ended, "the end of a process") }
	}},
	{"http", func(t *testing.T) (gateway.Spec, func()) {
		w := newWeb(upstreamtest.Script{Eras: legacyOnly})
		return w.serve(t, "b", oddOpening), func() { receive(t, w.ended, "the end of a session") }
	}},
}

// own returns a client that says of itself what nobody else says.
func own(r *rig, era mcp.Era, name string) *client {
	c := r.client(era, "/mcp/servers/b")
	c.info = `{ "name":"` + name + `","version":1.0}`
	c.capabilities = `{"roots": {} ,"experimental":{"` + name + `":1e0}}`
	return c
}

// opening returns the params with which the backend's connection was opened.
func (c *client) opening() string { return part(c.received("", `"initialize"`), "params") }

func TestEachSessionHasItsOwnConnection(t *testing.T) {
	t.Parallel()
	for _, kind := range isolatedKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			b, closed := kind.make(t)
			b.Isolation = gateway.PerSession
			r := start(t, setup(b))
			one, two := own(r, mcp.Legacy, "one"), own(r, mcp.Legacy, "two")
			one.initialize()
			two.initialize()
			first, second := one.whoami("whoami"), two.whoami("whoami")
			if first.Conversation == second.Conversation {
				t.Error("two sessions share a connection")
			}
			for _, c := range []*client{one, two} {
				params := c.opening()
				differ(t, "capabilities", c.capabilities, part(params, "capabilities"))
				differ(t, "clientInfo", c.info, part(params, "clientInfo"))
			}
			one.end()
			closed()
			if again := two.whoami("whoami"); again != second {
				t.Error("the other session has lost its connection")
			}
			if m := two.ask([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)); m.Kind != mcp.Result {
				t.Errorf("the other session: %s", m.Raw)
			}
		})
	}
}

func TestASharedConnectionIsOne(t *testing.T) {
	t.Parallel()
	for _, kind := range isolatedKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			b, _ := kind.make(t)
			b.Isolation = gateway.Shared
			r := start(t, setup(b))
			one, two, modern := own(r, mcp.Legacy, "one"), own(r, mcp.Legacy, "two"), own(r, mcp.Modern, "three")
			one.initialize()
			two.initialize()
			first := one.whoami("whoami")
			one.end()
			for _, c := range []*client{two, modern, modern} {
				if c.whoami("whoami") != first {
					t.Errorf("client %s has another connection", c.info)
				}
			}
			if name := part(part(two.opening(), "clientInfo"), "name"); name != `"1mcp"` {
				t.Errorf("the shared connection was opened by %s", name)
			}
		})
	}
}

// TestAModernRequestIsAClientOfItsOwn unless an affinity says whose it is.
func TestAModernRequestIsAClientOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, kind := range isolatedKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			b, closed := kind.make(t)
			b.Isolation = gateway.PerSession
			r := start(t, setup(b))
			c := own(r, mcp.Modern, "one")
			seen := make(map[string]bool)
			for range 3 {
				seen[c.whoami("whoami").Conversation] = true
				closed()
			}
			if len(seen) != 3 {
				t.Errorf("three requests had %d connections", len(seen))
			}
			c.affinity = rand.Text()
			mine := c.whoami("whoami")
			differ(t, "capabilities", c.capabilities, part(c.opening(), "capabilities"))
			other := own(r, mcp.Modern, "two")
			other.affinity = rand.Text()
			if other.whoami("whoami") == mine || c.whoami("whoami") != mine {
				t.Error("an affinity is not one connection")
			}
		})
	}
}

// TestClientsOfOnePrincipalShareAConnectionAndNothingElse: what the backend tells of one's subscription is not told to the
// other, whoever opened the connection.
func TestClientsOfOnePrincipalShareAConnectionAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct {
		name string
		make func(t *testing.T) gateway.Spec
	}{
		{"stdio", func(t *testing.T) gateway.Spec { return overStdio(t, "b", mortalScript(mcp.Legacy), oddOpening) }},
		{"http", func(t *testing.T) gateway.Spec { return overHTTP(t, "b", mortalScript(mcp.Legacy), oddOpening) }},
		{"sse", func(t *testing.T) gateway.Spec { return overSSE(t, "b", mortalScript(mcp.Legacy), oddOpening) }},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			b := kind.make(t)
			b.Isolation = gateway.PerPrincipal
			r := start(t, setup(b))
			first, second, modern := own(r, mcp.Legacy, "first"), own(r, mcp.Legacy, "second"), own(r, mcp.Modern, "third")
			first.initialize()
			second.initialize()
			who := first.whoami("whoami")
			for _, c := range []*client{second, modern} {
				if c.whoami("whoami") != who {
					t.Errorf("client %s has another connection", c.info)
				}
			}
			subscribe(second)
			heard := map[*client]*listener{first: first.listen(), second: second.listen()}
			second.call("announce", `{"method":"notifications/resources/updated","params":{"uri":"`+mortalURI+`"}}`)
			second.call("announce", `{"method":"notifications/tools/list_changed"}`)
			heard[second].told(mcp.NoteResourceUpdated)
			heard[second].told(mcp.NoteToolsChanged)
			heard[first].told(mcp.NoteToolsChanged) // the first thing it hears
			if m := second.ask(second.request(`9`, mcp.MethodUnsubscribe, `"uri":"`+mortalURI+`"`, "")); m.Kind != mcp.Result && m.ErrorCode() != mcp.CodeMethodNotFound {
				t.Errorf("unsubscribe is answered with %s", m.Raw)
			}
		})
	}
}

// TestAQuestionIsPutToItsOwnerOrToNobody: on a connection that several clients share, a question reaches the client whose call
// it came with if the transport tells, or if nobody else has a call in flight. Else the backend gets an error at once,
// which names the remedy.
func TestAQuestionIsPutToItsOwnerOrToNobody(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct {
		name     string
		make     func(*testing.T, string, upstreamtest.Script, ...mcptest.Excuse) gateway.Spec
		byStream bool
	}{{"stdio", overStdio, false}, {"http", overHTTP, true}, {"sse", overSSE, false}} {
		for _, era := range bothEras {
			t.Run(kind.name+", "+era.String()+" client", func(t *testing.T) {
				t.Parallel()
				b := kind.make(t, "b", upstreamtest.Script{Eras: legacyOnly})
				b.Isolation = gateway.Shared
				r := start(t, setup(b))
				asker, other := r.client(era, "/mcp/servers/b"), r.connect(mcp.Legacy, "/mcp/servers/b")
				asker.capabilities = `{"elicitation":{}}`
				if era == mcp.Legacy {
					asker.initialize()
				}
				if !asker.isAsked() {
					t.Error("a client alone is not asked")
				}
				hanging := other.hang()
				if asked := asker.isAsked(); asked != kind.byStream {
					t.Errorf("with a call of another client in flight, the client is asked: %t", asked)
				}
				other.notify(mcp.NoteCancelled, `{"requestId":"hang"}`)
				if msgs, err := receive(t, hanging, "the end of the other call").all(); err != nil || len(msgs) != 0 {
					t.Errorf("the other client got %q, %v", msgs, err)
				}
			})
		}
	}
}

// hang begins a call and returns when the backend has it.
func (c *client) hang() <-chan *reply {
	c.t.Helper()
	begun := make(chan *reply, 1)
	go func() {
		reply, err := c.tryPost(c.t.Context(), c.tool(`"hang"`, "hang", `{"text":"hanging"}`, ""))
		if err != nil {
			c.t.Error(err)
		}
		begun <- reply
	}()
	c.received("", `"hanging"`)
	return begun
}

// isAsked has the backend ask, and reports whether the client was. Where it was not, the backend must have been told why.
func (c *client) isAsked() bool {
	c.t.Helper()
	call := c.post(c.t.Context(), c.tool(c.nextID(), "ask", `{`+question+`}`, ""))
	defer call.close()
	m := c.read(call)
	switch {
	case m.Method == mcp.MethodElicit:
		c.post(c.t.Context(), mcp.AppendResult(nil, m.IDBytes(), []byte(`{"action":"decline"}`))).close()
		call.final(c.t)
		return true
	case strings.Contains(string(m.Raw), `"input_required"`):
		c.decline(m)
		return true
	case !strings.Contains(string(m.Raw), `(set \\\"isolation\\\": \\\"session\\\" for server \\\"b\\\")`):
		c.t.Errorf("the backend is answered with %s", m.Raw)
	}
	return false
}

// decline answers what a modern client is asked, so that the call ends.
func (c *client) decline(m *mcp.Message) {
	c.t.Helper()
	result := m.Bytes(m.Result)
	for key := range mcp.Members(mcp.Member(result, "inputRequests")) {
		body := c.request(c.nextID(), mcp.MethodToolsCall, `"name":"ask","arguments":{`+question+`},"requestState":`+part(string(result), "requestState")+
			`,"inputResponses":{"`+key+`":{"action":"decline"}}`, "")
		if m := c.ask(body); m.Kind != mcp.Result {
			c.t.Errorf("the answer is answered with %s", m.Raw)
		}
	}
}

// TestTheFirstCallFindsTheLogLevel that its session has set before it had a connection of its own.
func TestTheFirstCallFindsTheLogLevel(t *testing.T) {
	t.Parallel()
	for _, kind := range isolatedKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			b, _ := kind.make(t)
			b.Isolation = gateway.PerSession
			r := start(t, setup(b))
			r.ready("b")
			c := r.client(mcp.Legacy, "/mcp")
			c.initialize()
			if m := c.ask(c.request(c.nextID(), mcp.MethodSetLevel, `"level":"warning"`, "")); m.Kind != mcp.Result {
				t.Fatalf("set level: %s", m.Raw)
			}
			if n := c.call("b_1mcp_count", `{"text":"logging/setLevel"}`); n != "1" {
				t.Errorf("the backend had been told %s times", n)
			}
		})
	}
}

// TestAModernCallsLevelReachesItsOwnConnection: with an affinity the connection has several calls, and logs at the lowest level
// that one of them wants.
func TestAModernCallsLevelReachesItsOwnConnection(t *testing.T) {
	t.Parallel()
	for _, kind := range isolatedKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			b, _ := kind.make(t)
			b.Isolation = gateway.PerSession
			r := start(t, setup(b))
			for _, affinity := range []string{"", rand.Text()} {
				c := own(r, mcp.Modern, "one")
				c.affinity, c.level = affinity, "notice"
				if n := c.toldLevel("notice"); n != "1" {
					t.Errorf("with affinity %q, the backend was told of the call's level %s times", affinity, n)
				}
			}
			c := own(r, mcp.Modern, "two")
			c.affinity, c.level = rand.Text(), "info"
			ctx, cut := context.WithCancel(t.Context())
			defer cut()
			var hanging sync.WaitGroup
			defer hanging.Wait()
			hanging.Go(func() {
				if reply, err := c.tryPost(ctx, c.tool(`"hang"`, "hang", `{"text":"hanging"}`, "")); err == nil {
					reply.close()
				}
			})
			c.received("", `"hanging"`)
			loud := own(r, mcp.Modern, "two")
			loud.affinity, loud.level = c.affinity, "error"
			if n := loud.toldLevel("error"); n != "0" {
				t.Errorf("a call took the level that another one needs away, %s times", n)
			}
			cut()
			c.received("", "cancelled: hanging")
			waitFor(t, "the other call's level", func() bool { return loud.toldLevel("error") == "1" })
		})
	}
}

// toldLevel returns how often the backend was told to log at a level.
func (c *client) toldLevel(level string) string {
	c.t.Helper()
	return c.call("count", `{"text":"\"params\":{\"level\":\"`+level+`\"}"}`)
}
