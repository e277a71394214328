package endtoend_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// TestTheMergedEndpointDeclaresTasks in the form of the client's era, before any backend is there; to a client of a version
// without tasks it does not.
func TestTheMergedEndpointDeclaresTasks(t *testing.T) {
	t.Parallel()
	r := start(t, setup())
	c := r.client(mcp.Legacy, "/mcp")
	differ(t, "tasks", `{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}`, part(part(string(c.initialize()), "capabilities"), "tasks"))
	hello := r.client(mcp.Legacy, "/mcp").ask([]byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"old","version":"1"}}}`))
	if strings.Contains(string(hello.Raw), "tasks") {
		t.Errorf("a client of an older version is told %s", hello.Raw)
	}
	m := r.connect(mcp.Modern, "/mcp")
	found := m.ask(m.request(`1`, mcp.MethodDiscover, "", ""))
	differ(t, "extensions", `{"`+tasksExtension+`":{}}`, part(part(string(found.Bytes(found.Result)), "capabilities"), "extensions"))
}

// TestTheMergedListOfTasksIsOfAllBackends: page by page, each backend's own pages, with the caller's tasks only.
func TestTheMergedListOfTasksIsOfAllBackends(t *testing.T) {
	t.Parallel()
	one, two, idle := tasking("one", mcp.Legacy), tasking("two", mcp.Legacy), tasking("idle", mcp.Legacy)
	one.Offers[mcp.MethodTasksList] = `{"tasks":[{"taskId":"one-1"},{"taskId":"other's"}],"nextCursor":"p 2"}`
	one.Offers[mcp.MethodTasksList+" p 2"] = `{"tasks":[{"taskId":"one-2"}],"nextCursor":null}`
	two.Offers[mcp.MethodTasksList] = `{"tasks":[{"taskId":"two-1"}],"x":1.0}`
	r := start(t, setup(overStdio(t, "one", one), overStdio(t, "idle", idle), overStdio(t, "two", two), overStdio(t, "plain", upstreamtest.Script{Eras: legacyOnly})), oddAnswers)
	r.ready()
	c, other := r.connect(mcp.Legacy, "/mcp"), r.connect(mcp.Legacy, "/mcp")
	for _, task := range [][2]string{{"one", "one-1"}, {"one", "one-2"}, {"two", "two-1"}} {
		c.beginTask(task[0]+"_1mcp_echo", task[1], mcp.Legacy)
	}
	other.beginTask("one_1mcp_echo", "other's", mcp.Legacy)
	var got []string
	for cursor, more := "", true; more; more = cursor != "" {
		var items []string
		items, cursor = c.page(mcp.MethodTasksList, "tasks", cursor)
		got = append(got, strings.Join(items, " "))
	}
	differ(t, "the pages", `{"taskId":"one-1"}|{"taskId":"one-2"}|{"taskId":"two-1"}`, strings.Join(got, "|"))
	for _, cursor := range []string{`"p 2"`, `""`, `7`} {
		if m := c.ask(c.request(`1`, mcp.MethodTasksList, `"cursor":`+cursor, "")); m.ErrorCode() != mcp.CodeInvalidParams {
			t.Errorf("the cursor %s: %s", cursor, m.Raw)
		}
	}
	nobody := r.connect(mcp.Legacy, "/mcp")
	m := nobody.ask(nobody.request(`1`, mcp.MethodTasksList, "", ""))
	differ(t, "the list of who has no tasks", `{"tasks":[]}`, string(m.Bytes(m.Result)))
}

// TestACallAsATaskIsRefusedWhereThereAreNone, since the merged endpoint has declared tasks; the backend is not called.
func TestACallAsATaskIsRefusedWhereThereAreNone(t *testing.T) {
	t.Parallel()
	modern := tasking("modern", mcp.Modern)
	r := start(t, setup(overStdio(t, "plain", upstreamtest.Script{Eras: legacyOnly}), overStdio(t, "modern", modern)))
	r.ready()
	c := r.connect(mcp.Legacy, "/mcp")
	for name, why := range map[string]string{"plain": "offers none", "modern": "of the 2026-07-28 protocol"} {
		m := c.ask(c.request(`1`, mcp.MethodToolsCall, fmt.Sprintf(`"name":"%s_1mcp_echo","arguments":{"as":"a task"},"task":{}`, name), ""))
		if m.ErrorCode() != mcp.CodeMethodNotFound || !strings.Contains(m.ErrorMessage(), why) {
			t.Errorf("%s: %s", name, m.Raw)
		}
		if n := c.call(name+"_1mcp_count", `{"text":"a task"}`); n != "0" {
			t.Errorf("%s was called %s times", name, n)
		}
	}
}

// TestWhatAToolSaysOfTasksDoesNotCrossEras, and one that runs as a task only cannot be called from the other era.
func TestWhatAToolSaysOfTasksDoesNotCrossEras(t *testing.T) {
	t.Parallel()
	script := upstreamtest.Script{Offers: map[string]string{mcp.MethodToolsList: `{"tools":[{"name":"echo","inputSchema":{"type":"object"},"execution":{"x":1.0,"taskSupport":"required"}}]}`}}
	along(t, every(), script, func(t *testing.T, w *world) {
		c := w.connect()
		items, _ := c.page(mcp.MethodToolsList, "tools", "")
		want := `{"x":1.0,"taskSupport":"required"}`
		if w.caller != w.era {
			want = `{"x":1.0}`
		}
		differ(t, "execution", want, part(items[0], "execution"))
		m := c.ask(c.tool(`1`, w.own("echo"), `{}`, ""))
		if refused := m.Kind == mcp.Error && strings.Contains(m.ErrorMessage(), "runs only as a task"); refused != (w.caller == mcp.Modern && w.era == mcp.Legacy) {
			t.Errorf("the call is answered with %s", m.Raw)
		}
	}, oddAnswers)
}

// TestATaskThatEndedWhileItsClientWasAway is told of when the client comes back, and has its result. A request for the
// result whose stream was lost may be made anew.
func TestATaskThatEndedWhileItsClientWasAway(t *testing.T) {
	t.Parallel()
	alongTasks(t, func(t *testing.T, w *world) {
		c := w.askable()
		c.messages(w.taskCall(c, "task"))
		ctx, leave := context.WithCancel(t.Context())
		waiting := c.post(ctx, c.dictate(mcp.MethodTasksResult, `"taskId":"task"`, `{"content":[]}`, askText("q", "task")))
		leave()
		waiting.close()
		c.messages(c.dictate(mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":{}`, w.own("echo")), `{"content":[]}`,
			`{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"task","status":"completed"}}`))
		all := c.messages(c.dictate(mcp.MethodTasksResult, `"taskId":"task"`, `{"content":[],"x":1.0}`))
		differ(t, "the result", `{"content":[],"x":1.0}`, string(all[len(all)-1].Bytes(all[len(all)-1].Result)))
		listening := c.listen()
		for {
			msg, err := listening.next()
			if err != nil {
				t.Fatalf("waiting for the status: %v", err)
			}
			if strings.Contains(string(msg), mcp.NoteTaskStatus) {
				return
			}
		}
	})
}

// TestATaskOfABackendThatWasStartedAnew: the backend says itself that it does not know it.
func TestATaskOfABackendThatWasStartedAnew(t *testing.T) {
	t.Parallel()
	alongTasks(t, func(t *testing.T, w *world) {
		c := w.askable()
		c.messages(w.taskCall(c, "task"))
		w.cut()
		for _, method := range taskMethods[mcp.Legacy] {
			m := c.ask(c.request(c.nextID(), method, `"taskId":"task"`, ""))
			if m.Kind != mcp.Error || m.ErrorMessage() != "no such method" { // its own words
				t.Errorf("%s is answered with %s", method, m.Raw)
			}
		}
	})
}

// TestAGuessedTaskIsUnknown to another session, where the backend cannot tell the two apart, as long as the one that has begun
// it is there.
func TestAGuessedTaskIsUnknown(t *testing.T) {
	t.Parallel()
	alongTasks(t, func(t *testing.T, w *world) {
		mine, other := w.askable(), w.askable()
		mine.messages(w.taskCall(mine, "task"))
		if !w.share(mine, other) {
			t.Log("each has a connection of its own")
			return
		}
		for _, method := range taskMethods[mcp.Legacy] {
			m := other.ask(other.request(other.nextID(), method, `"taskId":"task"`, ""))
			if m.ErrorCode() != mcp.CodeInvalidParams || !strings.Contains(m.ErrorMessage(), "Task not found") {
				t.Errorf("%s is answered with %s", method, m.Raw)
			}
		}
		if n := w.times(`"method":"tasks/`); n != 0 {
			t.Errorf("the backend was asked %d times", n)
		}
		mine.end()
		m := other.ask(other.dictate(mcp.MethodTasksGet, `"taskId":"task"`, `{"taskId":"task","status":"working"}`))
		if (m.Kind == mcp.Result) == w.merged { // its id is the key, where it names the backend
			t.Errorf("after the end of the session: %s", m.Raw)
		}
	})
}
