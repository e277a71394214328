package gateway

import (
	"bytes"
	"context"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

// The two eras have tasks of two forms that do not match, so a task does not cross: the capability is taken out, the
// methods are unknown, and a task that comes all the same is an error.

// tasksExtension is the modern form of tasks.
const tasksExtension = "io.modelcontextprotocol/tasks"

// withoutTasks takes tasks out of the capabilities that cross eras.
func withoutTasks(capabilities []byte) []byte {
	capabilities = mcp.Without(capabilities, "tasks")
	extensions := mcp.Member(capabilities, "extensions")
	if mcp.Member(extensions, tasksExtension) == nil {
		return capabilities
	}
	less := mcp.Without(extensions, tasksExtension)
	return mcp.Splice(nil, capabilities, []mcp.Edit{{At: mcp.MemberSpan(capabilities, "extensions"), Text: less}})
}

// aboutTasks reports whether a method is of tasks in either form.
func aboutTasks(method string) bool {
	switch method {
	case mcp.MethodTasksGet, mcp.MethodTasksResult, mcp.MethodTasksList, mcp.MethodTasksCancel, mcp.MethodTasksUpdate:
		return true
	}
	return false
}

// forwardTask takes a request about tasks to a backend of the client's era.
func (k *call) forwardTask(ctx context.Context, t target) (Answer, error) {
	primary, err := t.b.awaitOpen(ctx)
	if err != nil {
		return Answer{}, err
	}
	key := t.b.keyFor(k.c, primary.info)
	if key.era != k.c.Era {
		return Answer{}, noMethod(k.m.Method)
	}
	if id, _ := k.m.Text(mcp.FieldTaskID); k.g.owners.isOthers(k.c, t.b.name, key, id) {
		return Answer{}, noTask(id)
	}
	return k.forward(ctx, t)
}

func noTask(id string) *fault.Error { return fault.New(fault.NotFound, "Task not found: %s", id) }

// checkTask refuses a task that would cross eras.
func checkTask(backend string, reply *mcp.Message) error {
	if !bytes.Contains(reply.Raw, []byte(`"taskId"`)) {
		return nil
	}
	kind, _ := reply.Text(mcp.FieldResultType)
	task := mcp.Member(reply.Bytes(reply.Result), "task")
	if kind == "task" || kind == "" && mcp.Member(task, "taskId") != nil {
		return fault.New(fault.Unavailable, "server %q answered with a task, which clients of another protocol era cannot follow", backend)
	}
	return nil
}

// taskBegun returns the id of the task by which a legacy backend has answered a call, "" if it has not.
func taskBegun(reply *mcp.Message) string {
	if reply.Kind != mcp.Result {
		return ""
	}
	id, _ := mcp.Unquote(mcp.Member(mcp.Member(reply.Bytes(reply.Result), "task"), "taskId"))
	return id
}

// hasEnded reports whether a raw task of the legacy era has come to its end.
func hasEnded(task []byte) bool {
	switch status, _ := mcp.Unquote(mcp.Member(task, "status")); status {
	case "completed", "failed", "cancelled":
		return true
	}
	return false
}

// noteEnds ends what belongs to the tasks that a legacy backend's answer shows to have ended. An error in place of a task's
// result does not: it may be about the request.
func (k *call) noteEnds(l *link, reply *mcp.Message) {
	if reply.Kind != mcp.Result {
		return
	}
	result := reply.Bytes(reply.Result)
	own, _ := k.m.Text(mcp.FieldTaskID)
	switch k.m.Method {
	case mcp.MethodToolsCall:
		if k.m.Has(mcp.FieldTask) && hasEnded(mcp.Member(result, "task")) {
			k.g.endTask(l, taskBegun(reply))
		}
	case mcp.MethodTasksResult:
		k.g.endTask(l, own)
	case mcp.MethodTasksGet, mcp.MethodTasksCancel:
		if hasEnded(result) {
			k.g.endTask(l, own)
		}
	case mcp.MethodTasksList:
		for _, raw := range mcp.Elements(mcp.Member(result, "tasks")) {
			if id, _ := mcp.Unquote(mcp.Member(raw, "taskId")); hasEnded(raw) {
				k.g.endTask(l, id)
			}
		}
	}
}

// endTask withdraws the questions of a task that has ended, and forgets its progress token.
func (g *Gateway) endTask(l *link, id string) {
	if id == "" {
		return
	}
	l.errands.end(id)
	g.withdrawFree(l, id)
}

// ownTasks leaves in a list of tasks those that the caller has begun: a connection that clients share knows those of all.
func (k *call) ownTasks(t target, l *link, reply *mcp.Message) *mcp.Message {
	if k.m.Method != mcp.MethodTasksList || l.client != nil {
		return reply
	}
	at := mcp.MemberSpan(reply.Bytes(reply.Result), "tasks")
	if !at.Present() {
		return reply
	}
	kept := []byte{'['}
	for _, raw := range mcp.Elements(mcp.Member(reply.Bytes(reply.Result), "tasks")) {
		id, _ := mcp.Unquote(mcp.Member(raw, "taskId"))
		if owner, ok := k.g.owners.taskOwner(k.c, id); !ok || owner != t.b.name {
			continue
		}
		if len(kept) > 1 {
			kept = append(kept, ',')
		}
		kept = append(kept, raw...)
	}
	result := mcp.Splice(nil, reply.Bytes(reply.Result), []mcp.Edit{{At: at, Text: append(kept, ']')}})
	m, err := mcp.Scan(mcp.Splice(nil, reply.Raw, []mcp.Edit{{At: reply.Result, Text: result}}))
	if err != nil {
		return reply
	}
	return &m
}
