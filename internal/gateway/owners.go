package gateway

import (
	"bytes"
	"weak"

	lru "github.com/hashicorp/golang-lru/v2"

	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

// maxOwners bounds how many tasks and elicitations are remembered, over all clients.
const maxOwners = 16384

// owners remembers to whom things belong that outlive the call they began in: tasks, and elicitations by
// URL. The ids are the backends' own.
type owners struct {
	byID  *lru.Cache[owned, weak.Pointer[session.Session]] // whom to tell of it, as long as it lives
	tasks *lru.Cache[origin, string]                       // which backend has a viewer's task
}

type owned struct{ backend, id string }

func newOwners() *owners {
	byID, _ := lru.New[owned, weak.Pointer[session.Session]](maxOwners) // fails for a size below one only
	tasks, _ := lru.New[origin, string](maxOwners)
	return &owners{byID, tasks}
}

// noteTask remembers the task that a result has begun.
func (o *owners) noteTask(c *Client, backend string, reply *mcp.Message) {
	if !bytes.Contains(reply.Raw, []byte(`"taskId"`)) {
		return
	}
	result := reply.Bytes(reply.Result)
	raw := mcp.Member(mcp.Member(result, "task"), "taskId")
	if raw == nil {
		raw = mcp.Member(result, "taskId")
	}
	if id, ok := mcp.Unquote(raw); ok {
		o.addTask(c, backend, id)
	}
}

func (o *owners) addTask(c *Client, backend, id string) {
	o.tasks.Add(origin{c.viewer(), id}, backend)
	if c.Session != nil {
		o.byID.Add(owned{backend, id}, weak.Make(c.Session))
	}
}

// noteElicitation remembers whom a question by URL went to.
func (o *owners) noteElicitation(s *session.Session, backend string, params []byte) {
	if id, ok := mcp.Unquote(mcp.Member(params, "elicitationId")); ok {
		o.byID.Add(owned{backend, id}, weak.Make(s))
	}
}

// noteVisits does the same for the questions in an error that asks for URLs to be visited.
func (o *owners) noteVisits(c *Client, backend string, reply *mcp.Message) {
	if c.Session == nil || reply.ErrorCode() != mcp.CodeURLElicitation {
		return
	}
	for _, raw := range mcp.Elements(mcp.Member(reply.ErrorData(), "elicitations")) {
		o.noteElicitation(c.Session, backend, raw)
	}
}

// taskOwner returns the backend of a caller's task.
func (o *owners) taskOwner(c *Client, id string) (backend string, ok bool) {
	return o.tasks.Get(origin{c.viewer(), id})
}

// backendsOf returns the backends where a caller has begun tasks.
func (o *owners) backendsOf(c *Client) map[string]bool {
	names, viewer := make(map[string]bool), c.viewer()
	for _, key := range o.tasks.Keys() {
		if key.viewer == viewer {
			name, _ := o.tasks.Peek(key)
			names[name] = true
		}
	}
	return names
}

// sessionOf returns the session that a connection belongs to or, if several share it, that has a task or an elicitation on it;
// nil if there is none.
func (o *owners) sessionOf(l *link, id string) *session.Session {
	if l.client != nil {
		return l.client.Session
	}
	known, _ := o.byID.Get(owned{l.b.name, id})
	return known.Value()
}

// knows reports whether some session has begun a task.
func (o *owners) knows(backend, id string) bool { return o.byID.Contains(owned{backend, id}) }

// isOthers reports whether a legacy client names a task that another session has begun and that the backend cannot tell
// apart from its own, since both come over one connection.
func (o *owners) isOthers(c *Client, backend string, key linkKey, id string) bool {
	if _, own := key.owner.(*session.Session); own || c.Session == nil || id == "" {
		return false
	}
	known, _ := o.byID.Get(owned{backend, id})
	owner := known.Value()
	return owner != nil && owner != c.Session && owner.Context().Err() == nil
}

// tell passes a notification about a task or an elicitation to the session it belongs to, and reports whether
// it was known.
func (o *owners) tell(l *link, m *mcp.Message) bool {
	field := mcp.FieldTaskID
	if m.Method == mcp.NoteElicitComplete {
		field = mcp.FieldElicitationID
	}
	id, _ := m.Text(field)
	s := o.sessionOf(l, id)
	if s != nil {
		s.Send(bytes.Clone(m.Raw))
	}
	return s != nil
}
