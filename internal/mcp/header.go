package mcp

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// The HTTP headers of the protocol, in canonical spelling.
const (
	HeaderVersion   = "Mcp-Protocol-Version"
	HeaderSession   = "Mcp-Session-Id"
	HeaderMethod    = "Mcp-Method"
	HeaderName      = "Mcp-Name"
	HeaderParam     = "Mcp-Param-" // a prefix
	HeaderLastEvent = "Last-Event-Id"
)

// Headers are the header values a modern request must repeat its body in. Ok tells
// an absent header from an empty one.
type Headers struct {
	Version, Method, Name       string
	VersionOK, MethodOK, NameOK bool
}

const (
	encodedPrefix = "=?base64?"
	encodedSuffix = "?="
)

// DecodeHeader returns the text a header value stands for: itself, trimmed, or what
// its base64 form =?base64?…?= holds.
func DecodeHeader(value string) (string, error) {
	value = strings.Trim(value, " \t")
	if len(value) < len(encodedPrefix)+len(encodedSuffix) ||
		!strings.EqualFold(value[:len(encodedPrefix)], encodedPrefix) || !strings.HasSuffix(value, encodedSuffix) {
		return value, nil
	}
	text, err := base64.StdEncoding.DecodeString(value[len(encodedPrefix) : len(value)-len(encodedSuffix)])
	if err != nil {
		return "", fmt.Errorf("wrong base64 in the encoded header value")
	}
	return string(text), nil
}

// EncodeHeader returns text as it travels in a header: plain if it is printable
// ASCII without blanks at its ends and does not look encoded, else in the base64 form.
func EncodeHeader(text string) string {
	plain := strings.Trim(text, " \t") == text && !strings.HasPrefix(text, encodedPrefix)
	for i := 0; plain && i < len(text); i++ {
		plain = text[i] >= 0x20 && text[i] < 0x7f
	}
	if plain {
		return text
	}
	return encodedPrefix + base64.StdEncoding.EncodeToString([]byte(text)) + encodedSuffix
}

// CheckHeaders reports how the headers of a modern request disagree with its body, as a sentence, or "".
func (m *Message) CheckHeaders(h Headers) string {
	version, _ := m.Version()
	switch {
	case !h.VersionOK:
		return "header MCP-Protocol-Version is missing"
	case strings.TrimSpace(h.Version) != version:
		return fmt.Sprintf("header MCP-Protocol-Version is %q but _meta says %q", h.Version, version)
	case !h.MethodOK:
		return "header Mcp-Method is missing"
	case strings.TrimSpace(h.Method) != m.Method:
		return fmt.Sprintf("header Mcp-Method is %q but the body's method is %q", h.Method, m.Method)
	}
	method := MethodOf(m.Method)
	if !method.HasName {
		return ""
	}
	return m.checkName(method, h)
}

func (m *Message) checkName(method Method, h Headers) string {
	if subject := m.Value(method.Subject); len(subject) == 0 || subject[0] != '"' {
		return "" // the backend refuses the params
	}
	if !h.NameOK {
		return "header Mcp-Name is missing"
	}
	name, err := DecodeHeader(h.Name)
	if err != nil {
		return "header Mcp-Name: " + err.Error()
	}
	if !m.Says(method.Subject, name) {
		subject, _ := m.Text(method.Subject)
		return fmt.Sprintf("header Mcp-Name is %q but the body says %q", name, subject)
	}
	return ""
}
