package endtoend_test

import (
	"crypto/rand"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
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
		return overGuarded(t, "b", upstreamtest.Script{Eras: legacyOnly}, w), func() { receive(t, w.ended, "the end of a process") }
	}},
	{"http", func(t *testing.T) (gateway.Spec, func()) {
		w := newWeb(upstreamtest.Script{Eras: legacyOnly})
		return w.serve(t, "b"), func() { receive(t, w.ended, "the end of a session") }
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
