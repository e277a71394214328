package endtoend_test

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"

	"onemcp/internal/catalog"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// only returns the one session that a server has.
func (w *web) only(t *testing.T) *webSession {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sessions {
		if len(w.sessions) == 1 {
			return s
		}
	}
	t.Fatalf("there are %d sessions", len(w.sessions))
	return nil
}

// TestReload changes one backend, adds one, removes one and leaves one alone.
func TestReload(t *testing.T) {
	t.Parallel()
	old, gone := newWeb(upstreamtest.Script{Eras: legacyOnly}), ward{make(chan int, 1)}
	kept, changed := overStdio(t, "kept", upstreamtest.Script{Eras: legacyOnly}), old.serve(t, "changed")
	changed.Isolation = gateway.Shared
	arrived := make(chan struct{})
	old.posted = func(body []byte) {
		if bytes.Contains(body, []byte("go on")) {
			close(arrived)
		}
	}
	fresh, added := overHTTP(t, "changed", upstreamtest.Script{Eras: legacyOnly}), overHTTP(t, "added", upstreamtest.Script{Eras: legacyOnly})
	r := start(t, setup(kept, changed, overGuarded(t, "removed", upstreamtest.Script{Eras: legacyOnly}, gone)))
	r.ready()
	before := make(map[mcp.Era]any)
	merged, narrow := make(map[mcp.Era]*listener), make(map[mcp.Era][]*listener)
	for _, era := range bothEras {
		before[era] = r.connect(era, "/mcp").whoami("kept_1mcp_whoami")
		merged[era] = r.connect(era, "/mcp").listen()
		narrow[era] = []*listener{r.connect(era, "/mcp?servers=kept").listen(), r.connect(era, "/mcp/servers/kept").listen()}
	}
	inFlight := inTheBackground(r.connect(mcp.Legacy, "/mcp"), "changed_1mcp_await", `{"text":"go on"}`)
	receive(t, arrived, "the call at the old backend")
	calls := r.connect(mcp.Legacy, "/mcp")

	r.gateway.Apply(setup(kept, fresh, added))
	r.ready()
	for _, era := range bothEras {
		merged[era].told(mcp.NoteToolsChanged)
		c := r.connect(era, "/mcp")
		if got := backendsOf(c.list()); !slices.Equal(got, []string{"added", "changed", "kept"}) {
			t.Errorf("%s: the list holds tools of %v", era, got)
		}
		if after := c.whoami("kept_1mcp_whoami"); after != before[era] {
			t.Errorf("%s: the unchanged backend was %+v and is %+v", era, before[era], after)
		}
		if m := c.ask(c.tool("1", "removed_1mcp_echo", `{}`, "")); m.ErrorCode() != mcp.CodeInvalidParams {
			t.Errorf("%s: the removed backend: %s", era, m.Raw)
		}
	}
	if news := calls.call("changed_1mcp_whoami", `{}`); news == "" || slices.ContainsFunc(old.only(t).Received(), holds("whoami")) {
		t.Error("a new call went to the old backend")
	}
	receive(t, gone.ended, "the end of the removed backend")
	old.only(t).Handle(context.Background(), []byte(`{"jsonrpc":"2.0","method":"go on"}`), nil)
	if m := receive(t, inFlight, "the call in flight"); m == nil || m.Kind != mcp.Result {
		t.Errorf("the call in flight was answered with %+v", m)
	}
	receive(t, old.ended, "the end of the old connection")

	calls.call("kept_1mcp_announce", `{"method":"notifications/prompts/list_changed"}`)
	for _, era := range bothEras {
		for _, l := range narrow[era] {
			l.told(mcp.NotePromptsChanged) // the first thing it hears: its view had not changed
		}
	}
}

func holds(text string) func([]byte) bool {
	return func(msg []byte) bool {
		m, err := mcp.Scan(msg)
		name, _ := m.Text(mcp.FieldName)
		return err == nil && name == text
	}
}

// inTheBackground calls a tool; the answer comes on the channel, nil if there is none.
func inTheBackground(c *client, tool, args string) <-chan *mcp.Message {
	answer := make(chan *mcp.Message, 1)
	var calling sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	c.t.Cleanup(func() {
		cancel()
		calling.Wait()
	})
	calling.Go(func() {
		var m *mcp.Message
		if reply, err := c.tryPost(ctx, c.tool(c.nextID(), tool, args, "")); err == nil {
			if msgs, err := reply.all(); err == nil && len(msgs) > 0 {
				last, _ := mcp.Scan(msgs[len(msgs)-1])
				m = &last
			}
		}
		answer <- m
	})
	return answer
}

// TestReloadOfAPolicy leaves the connection alone and changes what is seen.
func TestReloadOfAPolicy(t *testing.T) {
	t.Parallel()
	b := overStdio(t, "b", upstreamtest.Script{Eras: legacyOnly})
	r := start(t, setup(b))
	r.ready()
	c := r.connect(mcp.Legacy, "/mcp")
	before, told := c.whoami("b_1mcp_whoami"), c.listen()
	b.Policy = catalog.Policy{Disabled: []string{"e*"}}
	b.Tags = []string{"dev"}
	r.gateway.Apply(setup(b))
	told.told(mcp.NoteToolsChanged)
	if names := c.list(); slices.Contains(names, "b_1mcp_echo") || !slices.Contains(names, "b_1mcp_fail") {
		t.Errorf("the list holds %v", names)
	}
	if m := c.ask(c.tool("1", "b_1mcp_echo", `{}`, "")); m.ErrorCode() != mcp.CodeInvalidParams {
		t.Errorf("the tool that is not admitted: %s", m.Raw)
	}
	if after := r.connect(mcp.Legacy, "/mcp?tags=dev").whoami("b_1mcp_whoami"); after != before {
		t.Errorf("the backend was %+v and is %+v", before, after)
	}
}
