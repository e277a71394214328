package mcp

import (
	"bytes"
	"slices"
)

// The methods the gateway must know by name.
const (
	MethodInitialize    = "initialize"
	MethodPing          = "ping"
	MethodDiscover      = "server/discover"
	MethodListen        = "subscriptions/listen"
	MethodToolsList     = "tools/list"
	MethodToolsCall     = "tools/call"
	MethodPromptsList   = "prompts/list"
	MethodPromptsGet    = "prompts/get"
	MethodResourcesList = "resources/list"
	MethodTemplatesList = "resources/templates/list"
	MethodResourcesRead = "resources/read"
	MethodSubscribe     = "resources/subscribe"
	MethodUnsubscribe   = "resources/unsubscribe"
	MethodComplete      = "completion/complete"
	MethodSetLevel      = "logging/setLevel"
	MethodTasksGet      = "tasks/get"
	MethodTasksResult   = "tasks/result"
	MethodTasksList     = "tasks/list"
	MethodTasksCancel   = "tasks/cancel"
	MethodTasksUpdate   = "tasks/update"

	MethodSampling = "sampling/createMessage"
	MethodElicit   = "elicitation/create"
	MethodRoots    = "roots/list"

	NoteInitialized      = "notifications/initialized"
	NoteCancelled        = "notifications/cancelled"
	NoteProgress         = "notifications/progress"
	NoteMessage          = "notifications/message"
	NoteToolsChanged     = "notifications/tools/list_changed"
	NotePromptsChanged   = "notifications/prompts/list_changed"
	NoteResourcesChanged = "notifications/resources/list_changed"
	NoteResourceUpdated  = "notifications/resources/updated"
	NoteRootsChanged     = "notifications/roots/list_changed"
	NoteElicitComplete   = "notifications/elicitation/complete"
	NoteTaskStatus       = "notifications/tasks/status"
	NoteTasks            = "notifications/tasks"
	NoteAcknowledged     = "notifications/subscriptions/acknowledged"
)

// A Method is what the gateway knows of a request method.
type Method struct {
	Name      string
	Subject   Field // of the member that Mcp-Name repeats; valid if HasName
	HasName   bool  // the modern HTTP transport wants an Mcp-Name header
	Cacheable bool  // complete modern results carry ttlMs and cacheScope
}

// noSubject stands where a method has no Mcp-Name header.
const noSubject = fieldCount

// methodNames holds every known name, so that a scan allocates none of them.
var methodNames = [...]string{
	MethodToolsCall, MethodToolsList, MethodPing, MethodResourcesRead, MethodPromptsGet,
	NoteProgress, NoteCancelled, NoteMessage, MethodInitialize, NoteInitialized, MethodDiscover,
	MethodListen, MethodPromptsList, MethodResourcesList, MethodTemplatesList, MethodSubscribe,
	MethodUnsubscribe, MethodComplete, MethodSetLevel, MethodTasksGet, MethodTasksResult,
	MethodTasksList, MethodTasksCancel, MethodTasksUpdate, MethodSampling, MethodElicit, MethodRoots,
	NoteToolsChanged, NotePromptsChanged, NoteResourcesChanged, NoteResourceUpdated, NoteRootsChanged,
	NoteElicitComplete, NoteTaskStatus, NoteTasks, NoteAcknowledged,
}

// methodName decodes a method, without allocating when it is a known one.
func methodName(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	inner := raw[1 : len(raw)-1]
	for _, name := range methodNames {
		if string(inner) == name {
			return name, true
		}
	}
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	return Unquote(raw)
}

// IsKnown reports whether the gateway knows a method or notification by name.
func IsKnown(name string) bool { return slices.Contains(methodNames[:], name) }

// MethodOf returns what is known of a request method. An unknown method has no name
// header and is not cacheable.
func MethodOf(name string) Method {
	m := Method{Name: name, Subject: noSubject}
	switch name {
	case MethodToolsCall, MethodPromptsGet:
		m.Subject, m.HasName = FieldName, true
	case MethodResourcesRead:
		m.Subject, m.HasName, m.Cacheable = FieldURI, true, true
	case MethodTasksGet, MethodTasksCancel, MethodTasksUpdate:
		m.Subject, m.HasName = FieldTaskID, true
	case MethodDiscover, MethodToolsList, MethodPromptsList, MethodResourcesList, MethodTemplatesList:
		m.Cacheable = true
	}
	return m
}

// MayAskBack reports whether a modern server may answer the method with
// resultType "input_required".
func MayAskBack(method string) bool {
	return method == MethodToolsCall || method == MethodPromptsGet || method == MethodResourcesRead
}
