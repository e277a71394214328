package endtoend_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
)

// TestConnectionsOfModernClientsAreBounded: at each call such a client may say that it is another one. The connection that
// was idle for longest makes room; one that is in use stays.
func TestConnectionsOfModernClientsAreBounded(t *testing.T) {
	t.Parallel()
	script := mortalScript(mcp.Legacy)
	for name, b := range map[string]gateway.Spec{
		"processes": overStdio(t, "b", script),
		"sessions":  overHTTP(t, "b", script),
		"streams":   overSSE(t, "b", script),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.Isolation, b.MaxConnections = gateway.PerSession, 3
			r := start(t, setup(b))
			legacy := r.connect(mcp.Legacy, "/mcp/servers/b")
			subscribe(legacy) // keeps no connection but its own
			before := legacy.whoami("whoami")
			newcomer := func() *client {
				c := r.connect(mcp.Modern, "/mcp/servers/b")
				c.affinity = rand.Text()
				return c
			}
			var all []*client
			served := map[string]bool{}
			for range 7 {
				c := newcomer()
				all = append(all, c)
				served[c.whoami("whoami").Conversation] = true
			}
			if len(served) != 7 {
				t.Errorf("7 clients were served by %d connections", len(served))
			}
			for _, i := range []int{6, 5, 4} {
				if !served[all[i].whoami("whoami").Conversation] {
					t.Errorf("client %d has lost its connection, although it is one of the last 3", i)
				}
			}
			if served[all[3].whoami("whoami").Conversation] { // in the place of client 6
				t.Error("the connection of client 3 was not closed, although it was idle for longest")
			}
			ctx, cancel := context.WithCancel(t.Context())
			var waiting sync.WaitGroup
			defer waiting.Wait()
			defer cancel()
			for _, i := range []int{3, 4, 5} { // all that there are
				c, mark := all[i], fmt.Sprintf("busy %d", i)
				waiting.Go(func() { _, _ = c.tryPost(ctx, c.tool(`"waits"`, "hang", `{"text":"`+mark+`"}`, "")) })
				c.received("", mark)
			}
			const full = `all 3 connections to backend "b" that clients may have of their own are in use (call again later, or raise its maxConnections)`
			c := newcomer()
			if m := c.ask(c.tool(`1`, "whoami", `{}`, "")); m.ErrorMessage() != full {
				t.Errorf("one too many is answered with %s", m.Raw)
			}
			c.affinity = "" // a connection for this call alone
			if m := c.ask(c.tool(`1`, "whoami", `{}`, "")); m.ErrorMessage() != full {
				t.Errorf("one too many without affinity is answered with %s", m.Raw)
			}
			if after := legacy.whoami("whoami"); after != before {
				t.Error("a session has lost its connection")
			}
		})
	}
}
