package endtoend_test

import (
	"fmt"
	"net/http"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// TestUnknownMethodsPassWhereOneBackendIsMeant: its answer comes back; on the merged endpoint nobody is meant.
func TestUnknownMethodsPassWhereOneBackendIsMeant(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		c := w.connect()
		const said = `{"v":[1.0],"x":"\u0061"}`
		say := `"upstreamtest/say":[` + string(mcp.Quote(nil, `{"jsonrpc":"2.0","id":$ID,"result":`+said+`}`)) + `],"mark":"a mark"`
		reply := c.post(t.Context(), c.request(`"u"`, "vendor/do", `"uri":{},"name":1.0`, say))
		m := reply.final(t)
		if w.merged {
			c.refusesMethod(reply, m)
			w.silent("vendor/do")
			return
		}
		result := string(m.Bytes(m.Result))
		if reply.status != http.StatusOK || string(m.IDBytes()) != `"u"` {
			t.Errorf("status %d, %s", reply.status, m.Raw)
		}
		differ(t, "the result", said, without(result, "resultType", "_meta"))
		differ(t, "the params", `{"uri":{},"name":1.0}`, without(part(w.heard("a mark", 1), "params"), "_meta"))
		reply = c.post(t.Context(), c.request(`"u"`, "vendor/unknown", "", "")) // to the backend, too
		c.refusesMethod(reply, reply.final(t))
		w.heard("vendor/unknown", 1)
	}, oddAnswers)
}

// refusesMethod checks the answer to an unknown method: a modern one has a status of its own.
func (c *client) refusesMethod(reply *reply, m *mcp.Message) {
	c.t.Helper()
	status := http.StatusOK
	if c.era == mcp.Modern {
		status = http.StatusNotFound
	}
	if m.ErrorCode() != mcp.CodeMethodNotFound || reply.status != status || string(m.IDBytes()) != `"u"` {
		c.t.Errorf("an unknown method: status %d, %s", reply.status, m.Raw)
	}
}

// TestMethodsOfTheOtherEraAreUnknown, although the gateway knows them, and whatever the backend would say.
func TestMethodsOfTheOtherEraAreUnknown(t *testing.T) {
	t.Parallel()
	others := map[mcp.Era][]string{
		mcp.Legacy: {mcp.MethodDiscover, mcp.MethodListen},
		mcp.Modern: {mcp.MethodInitialize, mcp.MethodPing, mcp.MethodSetLevel, mcp.MethodSubscribe, mcp.MethodUnsubscribe},
	}
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		c := w.connect()
		for _, method := range others[w.caller] {
			if w.caller == mcp.Modern && method == mcp.MethodInitialize {
				continue // a modern label makes it modern: the front's own conversations show it
			}
			reply := c.post(t.Context(), c.request(`"u"`, method, `"uri":"test://a","level":"info"`, ""))
			c.refusesMethod(reply, reply.final(t))
		}
	})
}

// TestUnknownNotificationsPass to the one backend, within an era; across eras and on the merged endpoint they are taken and
// go nowhere.
func TestUnknownNotificationsPass(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		c := w.connect()
		c.call(w.own("echo"), `{}`) // opens the connection that is its own, if there is to be one
		c.notify("notifications/vendor/x", `{"mark":"first","x":[1.0]}`)
		c.notify("notifications/vendor/x", `{"mark":"second"}`)
		if w.passesNotes() {
			differ(t, "the notification", `{"mark":"first","x":[1.0]}`, part(w.heard("first", 1), "params"))
			return
		}
		c.call(w.own("echo"), `{}`)
		w.silent("notifications/vendor/x")
	})
}

// passesNotes reports whether a client's notification reaches the backend: it is the only one that can be meant, or the
// connection is the client's own.
func (w *world) passesNotes() bool {
	return w.caller == w.era && (!w.merged || w.private())
}

// TestUnknownNotificationsOfABackendPass on the stream of the call they come with, within an era.
func TestUnknownNotificationsOfABackendPass(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		c := w.connect()
		msgs, err := c.post(t.Context(), c.tool(`1`, w.own("announce"), `{"method":"notifications/vendor/y","params":{"x":[1.0]}}`, "")).all()
		if err != nil {
			t.Fatal(err)
		}
		if w.caller != w.era {
			if len(msgs) != 1 {
				t.Errorf("got %q", msgs)
			}
			return
		}
		if len(msgs) != 2 {
			t.Fatalf("got %q", msgs)
		}
		differ(t, "the notification", `{"jsonrpc":"2.0","method":"notifications/vendor/y","params":{"x":[1.0]}}`, string(msgs[0]))
	})
}

// TestABackendsOwnWordsAboutItselfPass on its own endpoint: unknown capabilities, extensions, instructions, and all else.
func TestABackendsOwnWordsAboutItselfPass(t *testing.T) {
	t.Parallel()
	const capabilities = `{"tools":{"x":1.0},"experimental":{"vendor.example/a":{"b":[1e0]}},"extensions":{"vendor.example/c":{}},"vendorThing":{"\u0061":null}}`
	script := upstreamtest.Script{Hello: `"capabilities":` + capabilities + `,"x-vendor":{"v":1.0},"instructions":"\u0061 b"`}
	along(t, ways(append([]cell{shared}, cells...)...), script, func(t *testing.T, w *world) {
		if w.merged {
			t.Log("there the gateway speaks for itself")
			return
		}
		var hello string
		if w.caller == mcp.Legacy {
			hello = string(w.rig.client(mcp.Legacy, w.path()).initialize())
		} else {
			c := w.connect()
			m := c.ask(c.request(`1`, mcp.MethodDiscover, "", ""))
			hello = string(m.Bytes(m.Result))
			differ(t, "serverInfo", `{"name":"scripted","version":"1"}`, part(part(hello, "_meta"), mcp.MetaServerInfo))
		}
		differ(t, "capabilities", capabilities, part(hello, "capabilities"))
		if w.caller == w.era {
			differ(t, "vendor members", `{"v":1.0}`, part(hello, "x-vendor"))
		}
		if text, _ := mcp.Unquote([]byte(part(hello, "instructions"))); text != "a b" {
			t.Errorf("instructions %q", text)
		}
	})
}

// TestVendorMembersOfListsPass on the backend's own endpoint, whatever the eras.
func TestVendorMembersOfListsPass(t *testing.T) {
	t.Parallel()
	script := upstreamtest.Script{Offers: map[string]string{}}
	for _, l := range lists {
		script.Offers[l.method] = fmt.Sprintf(`{"%s":[{"%s":"test:a","name":"n","inputSchema":{"type":"object"},"icons":[{"src":"data:,","x":1.0}],"execution":{"vendor":1e0}}],"x-vendor":[1.0]}`, l.member, l.key)
	}
	along(t, every(), script, func(t *testing.T, w *world) {
		c := w.connect()
		for _, l := range lists {
			m := c.ask(c.request(`1`, l.method, "", ""))
			result := string(m.Bytes(m.Result))
			item := string(mcp.Elements([]byte(part(result, l.member)))[0])
			differ(t, l.method, `[{"src":"data:,","x":1.0}]`, part(item, "icons"))
			differ(t, l.method, `{"vendor":1e0}`, part(item, "execution"))
			if !w.merged {
				differ(t, l.method, `[1.0]`, part(result, "x-vendor"))
			}
		}
	})
}
