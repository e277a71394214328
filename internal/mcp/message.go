package mcp

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"
)

// Kind is what a message is.
type Kind uint8

// The four kinds of JSON-RPC messages.
const (
	Request      Kind = iota + 1 // has a method and an id
	Notification                 // has a method and no id
	Result                       // answers a request
	Error                        // answers a request with an error; its id may be null, or missing
)

// Field names a member that somebody may have to read or replace.
type Field uint8

// The members [Scan] records, by where they stand.
const (
	FieldName             Field = iota // params.name
	FieldURI                           // params.uri
	FieldCursor                        // params.cursor
	FieldArguments                     // params.arguments
	FieldMeta                          // params._meta
	FieldRef                           // params.ref
	FieldLevel                         // params.level
	FieldRequestID                     // params.requestId
	FieldToken                         // params.progressToken, of notifications/progress
	FieldTaskID                        // params.taskId
	FieldTask                          // params.task, by which a legacy request wants to become one
	FieldRequestState                  // params.requestState
	FieldInputResponses                // params.inputResponses
	FieldProtocolVersion               // params.protocolVersion
	FieldCapabilities                  // params.capabilities
	FieldClientInfo                    // params.clientInfo
	FieldNotifications                 // params.notifications, of subscriptions/listen
	FieldElicitationID                 // params.elicitationId
	FieldMetaToken                     // params._meta.progressToken
	FieldMetaVersion                   // params._meta["io.modelcontextprotocol/protocolVersion"]
	FieldMetaCapabilities              // params._meta["io.modelcontextprotocol/clientCapabilities"]
	FieldMetaClientInfo                // params._meta["io.modelcontextprotocol/clientInfo"]
	FieldMetaLogLevel                  // params._meta["io.modelcontextprotocol/logLevel"]
	FieldMetaSubscription              // params._meta["io.modelcontextprotocol/subscriptionId"]
	FieldMetaTask                      // params._meta["io.modelcontextprotocol/related-task"]

	FieldResultType         // result.resultType
	FieldResultMeta         // result._meta
	FieldResultTTL          // result.ttlMs
	FieldResultScope        // result.cacheScope
	FieldResultCursor       // result.nextCursor
	FieldResultServerInfo   // result._meta["io.modelcontextprotocol/serverInfo"]
	FieldResultSubscription // result._meta["io.modelcontextprotocol/subscriptionId"]

	fieldCount
)

// The _meta keys of the protocol, of the modern era unless something else is said.
const (
	MetaPrefix       = "io.modelcontextprotocol/"
	MetaVersion      = MetaPrefix + "protocolVersion"
	MetaCapabilities = MetaPrefix + "clientCapabilities"
	MetaClientInfo   = MetaPrefix + "clientInfo"
	MetaLogLevel     = MetaPrefix + "logLevel"
	MetaSubscription = MetaPrefix + "subscriptionId"
	MetaServerInfo   = MetaPrefix + "serverInfo"
	MetaTask         = MetaPrefix + "related-task" // of the legacy era
)

// A member is a name the scanner knows at one level.
type member struct {
	name  string
	field Field
}

var paramMembers = [...]member{
	{"name", FieldName},
	{"uri", FieldURI},
	{"cursor", FieldCursor},
	{"arguments", FieldArguments},
	{"_meta", FieldMeta},
	{"ref", FieldRef},
	{"level", FieldLevel},
	{"requestId", FieldRequestID},
	{"progressToken", FieldToken},
	{"taskId", FieldTaskID},
	{"task", FieldTask},
	{"requestState", FieldRequestState},
	{"inputResponses", FieldInputResponses},
	{"protocolVersion", FieldProtocolVersion},
	{"capabilities", FieldCapabilities},
	{"clientInfo", FieldClientInfo},
	{"notifications", FieldNotifications},
	{"elicitationId", FieldElicitationID},
}

var paramMetaMembers = [...]member{
	{"progressToken", FieldMetaToken},
	{MetaVersion, FieldMetaVersion},
	{MetaCapabilities, FieldMetaCapabilities},
	{MetaClientInfo, FieldMetaClientInfo},
	{MetaLogLevel, FieldMetaLogLevel},
	{MetaSubscription, FieldMetaSubscription},
	{MetaTask, FieldMetaTask},
}

var resultMembers = [...]member{
	{"resultType", FieldResultType},
	{"_meta", FieldResultMeta},
	{"ttlMs", FieldResultTTL},
	{"cacheScope", FieldResultScope},
	{"nextCursor", FieldResultCursor},
}

var resultMetaMembers = [...]member{
	{MetaServerInfo, FieldResultServerInfo},
	{MetaSubscription, FieldResultSubscription},
}

// Message is one scanned JSON-RPC message. Spans point into Raw.
type Message struct {
	Raw    []byte
	Kind   Kind
	Method string
	ID     Span // absent in notifications
	Params Span // absent, or an object
	Result Span // of kind Result; any value
	Error  Span // of kind Error; an object

	fields [fieldCount]short
}

// short is a Span in half the room: a message has many, nearly all of them absent.
type short struct{ start, end uint32 }

// maxLength is how long a message may be, for short to hold it.
const maxLength = math.MaxUint32

// At returns where a recorded member's value lies.
func (m *Message) At(f Field) Span {
	s := m.fields[f]
	return Span{int(s.start), int(s.end)}
}

func (m *Message) set(f Field, s Span) { m.fields[f] = short{uint32(s.Start), uint32(s.End)} }

// Has reports whether a recorded member is there.
func (m *Message) Has(f Field) bool { return m.fields[f].end > m.fields[f].start }

// Bytes returns the text of a span of m.
func (m *Message) Bytes(s Span) []byte { return m.Raw[s.Start:s.End] }

// Value returns the raw value of a recorded member, nil if it is absent.
func (m *Message) Value(f Field) []byte {
	if !m.Has(f) {
		return nil
	}
	return m.Bytes(m.At(f))
}

// Text returns the decoded value of a recorded member; ok is false when it is
// absent or not a string.
func (m *Message) Text(f Field) (text string, ok bool) { return Unquote(m.Value(f)) }

// Plain returns the text of a recorded member that is a string without escapes, as it lies in the message; nil for any other.
func (m *Message) Plain(f Field) []byte {
	raw := m.Value(f)
	if len(raw) < 2 || raw[0] != '"' || bytes.IndexByte(raw, '\\') >= 0 {
		return nil
	}
	return raw[1 : len(raw)-1]
}

// RelatedTask returns the id of the task that a legacy message says it belongs to, or "".
func (m *Message) RelatedTask() string {
	if !m.Has(FieldMetaTask) {
		return ""
	}
	id, _ := Unquote(Member(m.Value(FieldMetaTask), "taskId"))
	return id
}

// Says reports whether a recorded member is the string text. It decodes only what holds an escape.
func (m *Message) Says(f Field, text string) bool {
	if plain := m.Plain(f); plain != nil {
		return string(plain) == text
	}
	said, ok := m.Text(f)
	return ok && said == text
}

// Version returns the version in a modern request's _meta; ok is false when it is absent or not a string.
func (m *Message) Version() (text string, ok bool) {
	if m.Says(FieldMetaVersion, LatestModern) { // as nearly always: nothing is decoded
		return LatestModern, true
	}
	return m.Text(FieldMetaVersion)
}

// IDBytes returns the raw id, nil if there is none.
func (m *Message) IDBytes() []byte {
	if !m.ID.Present() {
		return nil
	}
	return m.Raw[m.ID.Start:m.ID.End]
}

// IntID returns the id as an integer; ok is false if it is not a plain one.
func (m *Message) IntID() (id uint64, ok bool) { return Uint(m.IDBytes()) }

// Clone returns a copy of m that owns its bytes.
func (m *Message) Clone() *Message {
	c := *m
	c.Raw = append([]byte(nil), m.Raw...)
	return &c
}

// Uint reads a JSON number that is a plain unsigned integer below 2^53.
func Uint(raw []byte) (uint64, bool) {
	if len(raw) == 0 || len(raw) > 16 {
		return 0, false
	}
	var n uint64
	for _, c := range raw {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, n < 1<<53
}

// AppendUint appends n as JSON.
func AppendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }

// Scan parses data as one message. It refuses, with a [*SyntaxError], what is not strict JSON in
// UTF-8, nests deeper than [MaxDepth], holds a member twice in the envelope, params, or a
// _meta object, or a member there that differs from a routing member by case only, and what is
// not a JSON-RPC 2.0 message. The message keeps data; nothing is copied.
func Scan(data []byte) (Message, error) {
	if len(data) > maxLength {
		return Message{}, &SyntaxError{Offset: maxLength, Reason: "too long"}
	}
	if !utf8.Valid(data) {
		return Message{}, &SyntaxError{Offset: firstInvalid(data), Reason: "invalid UTF-8"}
	}
	p := envelope{scanner: scanner{b: data}, m: Message{Raw: data}}
	err := p.scan()
	return p.m, err
}

func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// Valid reports whether data is one JSON value that [Scan] would accept inside a payload.
func Valid(data []byte) bool {
	if !utf8.Valid(data) {
		return false
	}
	s := scanner{b: data}
	_, err := s.value()
	return err == nil && s.peek() == 0 && s.i == len(data)
}
