package endtoend_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// tasksExtension is the modern form of tasks; the legacy one is a capability.
const tasksExtension = "io.modelcontextprotocol/tasks"

// taskMethods are those that name a task.
var taskMethods = map[mcp.Era][]string{
	mcp.Legacy: {mcp.MethodTasksGet, mcp.MethodTasksResult, mcp.MethodTasksCancel},
	mcp.Modern: {mcp.MethodTasksGet, mcp.MethodTasksUpdate, mcp.MethodTasksCancel},
}

// tasking is a server that knows tasks: it says of each answer that it is its own.
func tasking(owner string, era mcp.Era) upstreamtest.Script {
	s := upstreamtest.Script{Hush: true, Eras: []mcp.Era{era}, Offers: make(map[string]string)}
	for _, method := range taskMethods[era] {
		s.Offers[method] = `{"x-owner":"` + owner + `","status":"working","v":1.0}`
	}
	s.Hello = `"capabilities":{"tools":{},"extensions":{"vendor.example/x":{},"` + tasksExtension + `":{}}}`
	if era == mcp.Legacy {
		s.Hello = `"capabilities":{"tools":{},"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}}`
		s.Offers[mcp.MethodTasksList] = `{"tasks":[{"taskId":"` + owner + `-1","v":1.0},{"taskId":"` + owner + `-2"}],"x":1.0}`
	}
	return s
}

// beginTask calls a tool that answers with a task, and returns the result.
func (c *client) beginTask(tool, id string, of mcp.Era) *mcp.Message {
	c.t.Helper()
	task := fmt.Sprintf(`"taskId":%q,"status":"working","ttl":null,"v":1.0`, id)
	result := `{"task":{` + task + `},"x":[1.0]}`
	if of == mcp.Modern {
		result = `{"resultType":"task",` + task + `,"x":[1.0]}`
	}
	say := `"upstreamtest/say":[` + string(mcp.Quote(nil, `{"jsonrpc":"2.0","id":$ID,"result":`+result+`}`)) + `]`
	more := ""
	if c.era == mcp.Legacy {
		more = `,"task":{"ttl":1e3}`
	}
	m := c.ask(c.request(`"begin"`, mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":{}%s`, tool, more), say))
	if c.era == of {
		differ(c.t, "the task", result, string(m.Bytes(m.Result)))
	}
	return m
}

// TestTasksStayWithTheirOwner: of two backends, the one that has begun a task is asked about it, by who has begun it.
func TestTasksStayWithTheirOwner(t *testing.T) {
	t.Parallel()
	for _, c := range append([]cell{shared}, cells...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			one, _ := way{cell: c}.backend(t, "one", tasking("one", c.era))
			two, _ := way{cell: c}.backend(t, "two", tasking("two", c.era))
			r := start(t, setup(one, two), oddAnswers)
			r.ready()
			mine, other := r.connect(c.era, "/mcp"), r.connect(c.era, "/mcp")
			for _, owner := range []string{"two", "one"} {
				mine.beginTask(owner+"_1mcp_echo", owner+"-1", c.era)
				direct := r.connect(c.era, "/mcp/servers/"+owner)
				direct.beginTask("echo", owner+"-2", c.era)
				for _, method := range taskMethods[c.era] {
					mine.askTask(method, owner+"-1", owner)
					direct.askTask(method, owner+"-2", owner)
					if m := mine.ask(mine.request(`1`, method, `"taskId":"nobody's"`, "")); m.ErrorCode() != mcp.CodeInvalidParams {
						t.Errorf("an unknown task: %s", m.Raw)
					}
					if m := other.ask(other.request(`1`, method, `"taskId":"`+owner+`-1"`, "")); c.era == mcp.Legacy && m.ErrorCode() != mcp.CodeInvalidParams {
						t.Errorf("another session's task: %s", m.Raw)
					}
				}
				direct.listTasks(owner, c)
			}
			if m := mine.ask(mine.request(`1`, mcp.MethodTasksList, "", "")); c.era == mcp.Modern && m.ErrorCode() != mcp.CodeMethodNotFound {
				t.Errorf("tasks/list of a modern client: %s", m.Raw)
			}
		})
	}
}

// askTask asks about a task, and expects the answer of its owner.
func (c *client) askTask(method, id, owner string) {
	c.t.Helper()
	m := c.ask(c.request(`"t"`, method, `"taskId":"`+id+`","x":1.0`, ""))
	result := string(m.Bytes(m.Result))
	if part(result, "x-owner") != `"`+owner+`"` || part(result, "v") != "1.0" {
		c.t.Errorf("%s of %s is answered with %s", method, id, m.Raw)
	}
}

// listTasks: of a connection that others share, only the client's own tasks are shown.
func (c *client) listTasks(owner string, of cell) {
	c.t.Helper()
	if c.era == mcp.Modern {
		return
	}
	want := `{"tasks":[{"taskId":"` + owner + `-2"}],"x":1.0}`
	if of.name == "legacy-http" { // its own connection, and no business of ours
		want = tasking(owner, mcp.Legacy).Offers[mcp.MethodTasksList]
	}
	m := c.ask(c.request(`"l"`, mcp.MethodTasksList, "", ""))
	differ(c.t, "the tasks", want, string(m.Bytes(m.Result)))
}

// TestATasksStatusGoesToWhoBeganIt, on the session's own stream.
func TestATasksStatusGoesToWhoBeganIt(t *testing.T) {
	t.Parallel()
	along(t, legacyWays(), tasking("b", mcp.Legacy), func(t *testing.T, w *world) {
		if w.caller == mcp.Modern {
			t.Log("it begins no tasks of this form")
			return
		}
		mine, other := w.connect(), w.connect()
		listening, bystander := mine.listen(), other.listen()
		mine.beginTask(w.own("echo"), "task", mcp.Legacy)
		other.beginTask(w.own("echo"), "other", mcp.Legacy)
		const params = `{"taskId":"task","status":"completed","v":[1.0]}`
		mine.call(w.own("announce"), `{"method":"notifications/tasks/status","params":`+params+`}`)
		w.news(mcp.NotePromptsChanged, `{}`)
		m := listening.told(mcp.NoteTaskStatus)
		differ(t, "the status", params, string(m.Bytes(m.Params)))
		bystander.told(mcp.NotePromptsChanged) // the first thing it hears
	}, oddTask, oddStatus)
}

// TestTasksDoNotCrossEras: neither side learns that the other knows tasks, the methods are unknown, and a task that comes all
// the same is an error.
func TestTasksDoNotCrossEras(t *testing.T) {
	t.Parallel()
	const capabilities = `{"tasks":{"list":{}},"extensions":{"vendor.example/x":{},"` + tasksExtension + `":{}},"roots":{}}`
	for _, w := range every() {
		if w.caller == w.era {
			continue
		}
		along(t, []way{w}, tasking("b", w.era), func(t *testing.T, w *world) {
			c := w.rig.client(w.caller, w.path())
			c.capabilities = capabilities
			if w.caller == mcp.Modern {
				c.affinity = strings.Repeat("0123456789", 3)
				if m := c.ask(c.request(`1`, mcp.MethodDiscover, "", "")); strings.Contains(string(m.Raw), "tasks") != w.merged {
					t.Errorf("the client is told %s", m.Raw)
				}
			} else if hello := c.initialize(); strings.Contains(string(hello), "tasks") != w.merged {
				t.Errorf("the client is told %s", hello)
			}
			why := "with a task" // the backend answers
			if w.merged && w.caller == mcp.Legacy {
				why = "cannot be called as a task"
			}
			m := c.beginTask(w.own("echo"), "task", w.era)
			if m.Kind != mcp.Error || !strings.Contains(m.ErrorMessage(), why) {
				t.Errorf("the task is answered with %s", m.Raw)
			}
			for _, method := range taskMethods[w.caller] {
				wanted := mcp.CodeMethodNotFound
				if w.merged { // nobody has such a task
					wanted = mcp.CodeInvalidParams
				}
				if m := c.ask(c.request(`1`, method, `"taskId":"task"`, "")); m.ErrorCode() != wanted {
					t.Errorf("%s: %s", method, m.Raw)
				}
			}
			w.silent(tasksExtension)
			w.silent(`"tasks":{`)
			w.silent(mcp.MethodTasksGet)
		})
	}
}

// TestAModernTasksStateComesByListen: to who began the task and asked for it, under the id of the subscription.
func TestAModernTasksStateComesByListen(t *testing.T) {
	t.Parallel()
	modern := slices.DeleteFunc(every(), func(w way) bool { return w.caller == mcp.Legacy || w.era == mcp.Legacy })
	along(t, modern, tasking("b", mcp.Modern), func(t *testing.T, w *world) {
		mine := w.connect()
		mine.beginTask(w.own("echo"), "task", mcp.Modern)
		bystander := w.connect().listen()
		listening := mine.listenFor(`"mine"`, `"promptsListChanged":true,"taskIds":["task"]`)
		honoured := listening.told(mcp.NoteAcknowledged)
		differ(t, "the acknowledgement", `{"promptsListChanged":true,"taskIds":["task"]}`, string(honoured.Value(mcp.FieldNotifications)))
		if w.merged {
			unknown := mine.listenFor(`"unknown"`, `"taskIds":["nobody's"]`).told(mcp.NoteAcknowledged)
			differ(t, "the acknowledgement", `{}`, string(unknown.Value(mcp.FieldNotifications)))
		}
		w.news(mcp.NoteTasks, `{"taskId":"task","status":"completed","v":[1.0]}`)
		m := listening.told(mcp.NoteTasks)
		differ(t, "the subscription", `"mine"`, string(m.Value(mcp.FieldMetaSubscription)))
		for member, want := range map[string]string{"taskId": `"task"`, "status": `"completed"`, "v": `[1.0]`} {
			differ(t, member, want, part(string(m.Bytes(m.Params)), member))
		}
		w.news(mcp.NotePromptsChanged, `{}`)
		bystander.told(mcp.NotePromptsChanged) // the first thing it hears
		listening.told(mcp.NotePromptsChanged)
	}, oddTask, oddStatus, oddAnswers)
}
