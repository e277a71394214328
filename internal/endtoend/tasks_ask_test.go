package endtoend_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/upstream/upstreamtest"
)

// oddTasks are what these tests' backend says of tasks: what we look at.
var oddTasks = []mcptest.Excuse{oddTask, oddStatus, oddAnswers}

// alongTasks runs a test with legacy clients of a legacy backend that knows tasks.
func alongTasks(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	same := slices.DeleteFunc(legacyWays(), func(w way) bool { return w.caller != mcp.Legacy })
	script := tasking("b", mcp.Legacy)
	for _, method := range taskMethods[mcp.Legacy] {
		delete(script.Offers, method) // each call dictates its answer
	}
	along(t, same, script, test, oddTasks...)
}

// askable connects a client that can be asked.
func (w *world) askable() *client {
	w.t.Helper()
	c := w.rig.client(mcp.Legacy, w.path())
	c.capabilities = canAnswer
	c.initialize()
	return c
}

// dictate is a request that makes the backend send messages, then an answer.
func (c *client) dictate(method, params, result string, messages ...string) []byte {
	messages = append(messages, `{"jsonrpc":"2.0","id":$ID,"result":`+result+`}`)
	var texts []string
	for _, text := range messages {
		texts = append(texts, string(mcp.Quote(nil, text)))
	}
	return c.request(c.nextID(), method, params, `"`+upstreamtest.SayKey+`":[`+strings.Join(texts, ",")+`],"progressToken":"mine"`)
}

// taskCall is dictate for a call that becomes a task.
func (w *world) taskCall(c *client, id string, messages ...string) []byte {
	return c.dictate(mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":{},"task":{}`, w.own("echo")), begunTask(id), messages...)
}

func begunTask(id string) string { return fmt.Sprintf(`{"task":{"taskId":%q,"status":"working"}}`, id) }

// askText is a question; task is which it says it belongs to, or empty.
func askText(id, task string) string {
	return `{"jsonrpc":"2.0","id":"` + id + `","method":"elicitation/create","params":` + questionOf(task) + `}`
}

func questionOf(task string) string {
	return `{"message":"?","requestedSchema":{"type":"object","properties":{}}` + ofTask(task) + `}`
}

// ofTask is the member that says of a message which task it belongs to.
func ofTask(task string) string {
	if task == "" {
		return ""
	}
	return `,"_meta":{"` + mcp.MetaTask + `":{"taskId":"` + task + `"}}`
}

// accept answers a question.
func (c *client) accept(m *mcp.Message, mark string) {
	c.t.Helper()
	c.post(c.t.Context(), mcp.AppendResult(nil, m.IDBytes(), []byte(`{"action":"accept","content":{"mark":"`+mark+`"}}`))).close()
}

// messages sends a request and returns all that comes of it; the last is the answer.
func (c *client) messages(body []byte) (all []*mcp.Message) {
	c.t.Helper()
	texts, err := c.post(c.t.Context(), body).all()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, text := range texts {
		m, err := mcp.Scan(text)
		if err != nil {
			c.t.Fatal(err)
		}
		all = append(all, &m)
	}
	return all
}

// first returns the first of an answer's messages; those before the last, which must be a result, have to be of the methods.
func first(t *testing.T, all []*mcp.Message, methods ...string) *mcp.Message {
	t.Helper()
	var got []string
	for _, m := range all[:max(0, len(all)-1)] {
		got = append(got, m.Method)
	}
	if !slices.Equal(got, methods) || all[len(all)-1].Kind != mcp.Result {
		t.Fatalf("got %q and then %s, wanted %q", got, all[len(all)-1].Raw, methods)
	}
	return all[0]
}

// TestAQuestionOutlivesTheCallThatBecameATask: it can be answered when the task has been announced, whether the
// backend says that it belongs to the task or not.
func TestAQuestionOutlivesTheCallThatBecameATask(t *testing.T) {
	t.Parallel()
	for _, label := range []string{"", "task"} {
		t.Run("labelled "+label, func(t *testing.T) {
			t.Parallel()
			alongTasks(t, func(t *testing.T, w *world) {
				c := w.askable()
				all := c.messages(w.taskCall(c, "task", askText("q", label)))
				c.accept(first(t, all, mcp.MethodElicit), "in-time")
				if got := w.heard(`"id":"q"`, 1); !strings.Contains(got, `"in-time"`) {
					t.Errorf("the backend got %s", got)
				}
			})
		})
	}
}

// TestAQuestionEndsWithACallThatDidNotBecomeATask, although it asked for one.
func TestAQuestionEndsWithACallThatDidNotBecomeATask(t *testing.T) {
	t.Parallel()
	alongTasks(t, func(t *testing.T, w *world) {
		for i, label := range []string{"", "task"} {
			c := w.askable()
			id := fmt.Sprintf("q%d", i)
			all := c.messages(c.dictate(mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":{},"task":{}`, w.own("echo")), `{"content":[]}`, askText(id, label)))
			first(t, all, mcp.MethodElicit, mcp.NoteCancelled)
			if got := w.heard(`"id":"`+id+`"`, 1); !strings.Contains(got, "has ended") {
				t.Errorf("the backend got %s", got)
			}
		}
	})
}

// TestATasksQuestionEndsWithTheTask, by whatever the client learns of its end. It hears of that on its own stream.
func TestATasksQuestionEndsWithTheTask(t *testing.T) {
	t.Parallel()
	const named = `"taskId":"task"`
	for _, end := range []struct{ name, method, result, status string }{
		{"a result", mcp.MethodTasksResult, `{"content":[]}`, ""},
		{"a status that is asked for", mcp.MethodTasksGet, `{"taskId":"task","status":"failed"}`, ""},
		{"its cancellation", mcp.MethodTasksCancel, `{"taskId":"task","status":"cancelled"}`, ""},
		{"a status that is told", mcp.MethodPing, `{}`, `{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"task","status":"completed"}}`},
	} {
		t.Run(end.name, func(t *testing.T) {
			t.Parallel()
			alongTasks(t, func(t *testing.T, w *world) {
				c := w.askable()
				asked := first(t, c.messages(w.taskCall(c, "task", askText("q", ""))), mcp.MethodElicit)
				c.messages(c.dictate(mcp.MethodTasksGet, named, `{"taskId":"task","status":"input_required"}`))
				listening := c.listen()
				if end.status != "" {
					c.messages(c.dictate(mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":{}`, w.own("echo")), `{"content":[]}`, end.status))
					listening.told(mcp.NoteTaskStatus)
				} else {
					c.messages(c.dictate(end.method, named, end.result))
				}
				if gone := listening.told(mcp.NoteCancelled); string(gone.Value(mcp.FieldRequestID)) != string(asked.IDBytes()) {
					t.Errorf("asked %s, cancelled %s", asked.Raw, gone.Raw)
				}
				if got := w.heard(`"id":"q"`, 1); !strings.Contains(got, "has ended") {
					t.Errorf("the backend got %s", got)
				}
			})
		})
	}
}

// TestATasksQuestionOutlivesTheRequestsAboutIt that are answered before the task has ended: it came on their streams, and may be
// answered later.
func TestATasksQuestionOutlivesTheRequestsAboutIt(t *testing.T) {
	t.Parallel()
	alongTasks(t, func(t *testing.T, w *world) {
		c := w.askable()
		c.messages(w.taskCall(c, "task"))
		for i, label := range []string{"", "task"} {
			id := fmt.Sprintf("q%d", i)
			all := c.messages(c.dictate(mcp.MethodTasksGet, `"taskId":"task"`, `{"taskId":"task","status":"working"}`, askText(id, label)))
			c.accept(first(t, all, mcp.MethodElicit), "later")
			if got := w.heard(`"id":"`+id+`"`, 1); !strings.Contains(got, `"later"`) {
				t.Errorf("the backend got %s", got)
			}
		}
	})
}

// TestATasksQuestionIsWithdrawnByItsBackend after the call is over.
func TestATasksQuestionIsWithdrawnByItsBackend(t *testing.T) {
	t.Parallel()
	alongTasks(t, func(t *testing.T, w *world) {
		c := w.askable()
		asked := first(t, c.messages(w.taskCall(c, "task", askText("q", "task"))), mcp.MethodElicit)
		listening := c.listen()
		c.messages(c.dictate(mcp.MethodTasksGet, `"taskId":"task"`, `{"taskId":"task","status":"working"}`,
			`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}`))
		if gone := listening.told(mcp.NoteCancelled); string(gone.Value(mcp.FieldRequestID)) != string(asked.IDBytes()) {
			t.Errorf("asked %s, cancelled %s", asked.Raw, gone.Raw)
		}
	})
}

// TestATasksQuestionEndsWithItsConnection: nobody waits for the answer any more.
func TestATasksQuestionEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	alongTasks(t, func(t *testing.T, w *world) {
		c := w.askable()
		asked := first(t, c.messages(w.taskCall(c, "task", askText("q", ""))), mcp.MethodElicit)
		listening := c.listen()
		w.cut()
		for {
			msg, err := listening.next()
			if err != nil {
				t.Fatalf("waiting for a cancellation: %v", err)
			}
			m, err := mcp.Scan(msg)
			if err != nil {
				t.Fatal(err)
			}
			if m.Method == mcp.NoteCancelled {
				differ(t, "the request", string(asked.IDBytes()), string(m.Value(mcp.FieldRequestID)))
				return
			}
		}
	})
}

// share reports whether two clients have one connection to the backend.
func (w *world) share(a, b *client) bool {
	w.t.Helper()
	return a.whoami(w.own("whoami")) == b.whoami(w.own("whoami"))
}

// TestWhatNamesATaskGoesToWhoBeganIt, whoever has a call in flight on the connection that both share. What names nobody's
// task goes to nobody, and a question is refused with the reason.
func TestWhatNamesATaskGoesToWhoBeganIt(t *testing.T) {
	t.Parallel()
	alongTasks(t, func(t *testing.T, w *world) {
		mine, other := w.askable(), w.askable()
		mine.messages(w.taskCall(mine, "mine"))
		if !w.share(mine, other) {
			t.Log("each has a connection of its own")
			return
		}
		listening := mine.listen()
		const log = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"of the task"`
		first(t, other.messages(other.dictate(mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":{}`, w.own("echo")), `{"content":[]}`,
			log+ofTask("mine")+`}}`, log+ofTask("nobody's")+`}}`, `{"jsonrpc":"2.0","method":"notifications/vendor","params":{"v":1.0`+ofTask("mine")+`}}`,
			askText("q", "mine"), askText("r", "nobody's"))))
		listening.told(mcp.NoteMessage)
		listening.told("notifications/vendor")
		mine.accept(listening.told(mcp.MethodElicit), "mine")
		if got := w.heard(`"id":"q"`, 1); !strings.Contains(got, `"mark":"mine"`) {
			t.Errorf("the backend got %s", got)
		}
		if got := w.heard(`"id":"r"`, 1); !strings.Contains(got, `has begun the task \"nobody's\"`) {
			t.Errorf("the backend got %s", got)
		}
		modern := w.rig.client(mcp.Modern, w.path())
		modern.capabilities = canAnswer
		first(t, modern.messages(modern.dictate(mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":{}`, w.own("echo")), `{"content":[]}`, askText("m", "mine"))))
		mine.accept(listening.told(mcp.MethodElicit), "asked in a modern client's call")
		if got := w.heard(`"id":"m"`, 1); !strings.Contains(got, "a modern client's call") {
			t.Errorf("the backend got %s", got)
		}
		mine.end()
		other.messages(other.dictate(mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":{}`, w.own("echo")), `{"content":[]}`, askText("s", "mine")))
		if got := w.heard(`"id":"s"`, 1); !strings.Contains(got, "no client that is here") {
			t.Errorf("after the end of the session, the backend got %s", got)
		}
	})
}

// TestWhatNamesNothingIsNobodysWhileAnothersTaskGoesOn, where it has come on no call's own stream: it may be the task's.
func TestWhatNamesNothingIsNobodysWhileAnothersTaskGoesOn(t *testing.T) {
	t.Parallel()
	alongTasks(t, func(t *testing.T, w *world) {
		mine, other := w.askable(), w.askable()
		mine.messages(w.taskCall(mine, "task"))
		unsure := w.share(mine, other) && w.cell != shared
		say := func(id string) []*mcp.Message {
			return other.messages(other.dictate(mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":{}`, w.own("echo")), `{"content":[]}`,
				askText(id, ""), `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"whose?"}}`))
		}
		all := []string{mcp.MethodElicit, mcp.NoteMessage, mcp.NoteCancelled}
		if unsure {
			first(t, say("q"))
			if got := w.heard(`"id":"q"`, 1); !strings.Contains(got, "cannot tell which client") {
				t.Errorf("the backend got %s", got)
			}
		} else {
			first(t, say("q"), all...)
		}
		mine.messages(mine.dictate(mcp.MethodTasksGet, `"taskId":"task"`, `{"taskId":"task","status":"completed"}`))
		first(t, say("r"), all...)
	})
}

// TestWhatNamesATaskBeforeItIsKnownWaits for the answer that begins the task.
func TestWhatNamesATaskBeforeItIsKnownWaits(t *testing.T) {
	t.Parallel()
	alongTasks(t, func(t *testing.T, w *world) {
		mine, other := w.askable(), w.askable()
		if !w.share(mine, other) {
			t.Log("each has a connection of its own")
			return
		}
		listening := mine.listen()
		begun := make(chan *reply, 1)
		body := mine.request(`"begin"`, mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":{"text":"go on","n":2,"params":%s},"task":{}`, w.own("begin"), begunTask("mine")), "")
		go func() {
			reply, err := mine.tryPost(t.Context(), body)
			if err != nil {
				t.Error(err)
			}
			begun <- reply
		}()
		w.heard("go on", 1)
		status := `{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"mine","status":"working"}}`
		first(t, other.messages(other.dictate(mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":{}`, w.own("echo")), `{"content":[]}`, status, askText("q", "mine"))))
		other.call(w.own("echo"), `{"x":"go on"}`)
		listening.told(mcp.NoteTaskStatus)
		mine.accept(listening.told(mcp.MethodElicit), "mine")
		if got := w.heard(`"id":"q"`, 1); !strings.Contains(got, `"mark":"mine"`) {
			t.Errorf("the backend got %s", got)
		}
		m := receive(t, begun, "the task").final(t)
		differ(t, "the task", begunTask("mine"), string(m.Bytes(m.Result)))
	})
}

// TestATasksProgressComesUnderTheClientsToken until the task has ended.
func TestATasksProgressComesUnderTheClientsToken(t *testing.T) {
	t.Parallel()
	alongTasks(t, func(t *testing.T, w *world) {
		c := w.askable()
		listening := c.listen()
		report := func(n int) string {
			return fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$TASK,"progress":%d.0,"v":[1.0]}}`, n)
		}
		all := c.messages(w.taskCall(c, "task", strings.Replace(report(1), "$TASK", "$TOKEN", 1)))
		differ(t, "the token", `"mine"`, string(first(t, all, mcp.NoteProgress).Value(mcp.FieldToken)))
		call := w.heard(`"task":{}`, 1)
		m, err := mcp.Scan([]byte(call))
		if err != nil {
			t.Fatal(err)
		}
		send := func(n int, status string) {
			text := strings.Replace(report(n), "$TASK", string(m.Value(mcp.FieldMetaToken)), 1)
			first(t, c.messages(c.dictate(mcp.MethodTasksGet, `"taskId":"task"`, `{"taskId":"task","status":"`+status+`"}`, text)))
		}
		send(2, "working")
		send(3, "completed")
		send(4, "completed")
		for _, n := range []string{"2.0", "3.0"} {
			m := listening.told(mcp.NoteProgress)
			differ(t, "the report", `{"progressToken":"mine","progress":`+n+`,"v":[1.0]}`, string(m.Bytes(m.Params)))
		}
		w.news(mcp.NotePromptsChanged, `{}`)
		listening.told(mcp.NotePromptsChanged) // the next thing it hears
	})
}
