package trace

import (
	"bytes"
	"strconv"
	"time"

	"onemcp/internal/mcp"
	"onemcp/internal/secret"
)

// entry is an event on its way into the file.
type entry struct {
	Event
	at time.Time
}

// appendLine appends the line of an entry.
func appendLine(dst []byte, e entry, full bool) []byte {
	dst = appendTime(dst, e.at)
	for _, m := range [...][2]string{
		{"side", string(e.Side)}, {"direction", string(e.Direction)}, {"transport", e.Transport}, {"backend", e.Backend},
		{"session", hashed(e.Session)}, {"request", e.Request}, {"version", e.Version},
	} {
		dst = appendText(dst, m[0], m[1])
	}
	if e.Process != 0 {
		dst = appendRaw(dst, "pid", strconv.AppendInt(nil, int64(e.Process), 10))
	}
	dst = appendKind(dst, e.Message)
	dst = appendRaw(dst, "bytes", strconv.AppendInt(nil, int64(len(e.Message)), 10))
	return append(appendRaw(dst, "message", body(e.Message, full)), "}\n"...)
}

func appendTime(dst []byte, at time.Time) []byte {
	dst = append(dst, `{"time":"`...)
	return append(at.AppendFormat(dst, time.RFC3339Nano), '"')
}

// appendText appends a member, unless the text is empty.
func appendText(dst []byte, name, text string) []byte {
	if text == "" {
		return dst
	}
	return appendRaw(dst, name, mcp.Quote(nil, text))
}

func appendRaw(dst []byte, name string, raw []byte) []byte {
	dst = append(append(append(dst, `,"`...), name...), `":`...)
	return append(dst, raw...)
}

func hashed(session string) string {
	if session == "" {
		return ""
	}
	return secret.Hash(session)
}

// appendKind appends what can be told of a message without looking far into it.
func appendKind(dst, msg []byte) []byte {
	m, err := mcp.Scan(msg)
	if err != nil {
		return appendText(dst, "kind", kindOfOther(msg))
	}
	dst = appendText(appendText(dst, "kind", kindName(m.Kind)), "method", m.Method)
	if id := m.IDBytes(); id != nil {
		dst = appendRaw(dst, "id", id)
	}
	return dst
}

func kindOfOther(msg []byte) string {
	if bytes.HasPrefix(bytes.TrimLeft(msg, " \t\r\n"), []byte("[")) && mcp.Valid(msg) {
		return "batch"
	}
	return "invalid"
}

func kindName(k mcp.Kind) string {
	switch k {
	case mcp.Request:
		return "request"
	case mcp.Notification:
		return "notification"
	case mcp.Result:
		return "result"
	}
	return "error"
}

// body returns the message as JSON on one line. In full what is no JSON is a text.
func body(msg []byte, full bool) []byte {
	switch {
	case !full:
		return Redact(msg)
	case mcp.Valid(msg):
		return mcp.Flatten(bytes.Clone(msg))
	}
	return mcp.Quote(nil, string(bytes.ToValidUTF8(msg, []byte("\uFFFD"))))
}
