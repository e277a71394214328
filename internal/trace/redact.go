package trace

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"onemcp/internal/secret"
)

// A rule says what may be read of a value. Where there is none, nothing may: each text, number and boolean below it
// is replaced by a marker.
type rule uint8

const (
	show  rule = iota + 1 // a text, number or boolean as it is
	flags                 // numbers and booleans at any depth; texts are replaced
	each                  // an object whose members are all alike: their rules are under the name *
	hash                  // the short hash of a text, as sessions have it: it can be followed, and not used
)

// readable is the allow-list: where a value stands in a message, and what may be read of it. An element of an array stands
// at [] of it, a member behind a blank. docs/troubleshooting.md tells it in words.
var readable = map[string]rule{
	"jsonrpc": show, "id": show, "method": show, "error code": show,
	"error data supported[]": show, "error data requested": show, "error data requiredCapabilities": flags,

	"params _meta progressToken": show, "params _meta traceparent": show,
	"params _meta io.modelcontextprotocol/protocolVersion":    show,
	"params _meta io.modelcontextprotocol/logLevel":           show,
	"params _meta io.modelcontextprotocol/subscriptionId":     show,
	"params _meta io.modelcontextprotocol/clientInfo name":    show,
	"params _meta io.modelcontextprotocol/clientInfo version": show,
	"params _meta io.modelcontextprotocol/clientCapabilities": flags,
	"result _meta io.modelcontextprotocol/serverInfo name":    show,
	"result _meta io.modelcontextprotocol/serverInfo version": show,
	"result _meta io.modelcontextprotocol/subscriptionId":     show,

	"params protocolVersion": show, "params clientInfo name": show, "params clientInfo version": show, "params capabilities": flags,
	"result protocolVersion": show, "result serverInfo name": show, "result serverInfo version": show, "result capabilities": flags,
	"result supportedVersions[]": show,

	"params name": show, "params ref type": show, "params ref name": show, "params argument name": show, "params level": show,
	"params notifications": flags, "params task ttl": show,
	"params inputResponses": each, "params inputResponses * action": show, "params inputResponses * role": show,
	"params inputResponses * model": show, "params inputResponses * stopReason": show,

	"params progressToken": show, "params progress": show, "params total": show, "params requestId": show, "params logger": show,
	"params mode": show, "params maxTokens": show, "params messages[] role": show, "params messages[] content type": show,
	"params taskId": hash, "result taskId": hash, "result task taskId": hash, "result tasks[] taskId": hash,
	"params notifications taskIds[]":                           hash,
	"params _meta io.modelcontextprotocol/related-task taskId": hash,
	"result _meta io.modelcontextprotocol/related-task taskId": hash,

	"params status": show, "params ttl": show, "params pollInterval": show,

	"result resultType": show, "result ttlMs": show, "result cacheScope": show, "result isError": show,
	"result tools[] name": show, "result tools[] annotations": flags, "result tools[] execution taskSupport": show,
	"result prompts[] name": show, "result prompts[] arguments[] name": show, "result prompts[] arguments[] required": show,
	"result resources[] mimeType": show, "result resources[] size": show, "result resourceTemplates[] mimeType": show,
	"result content[] type": show, "result content[] mimeType": show, "result contents[] mimeType": show,
	"result messages[] role": show, "result messages[] content type": show,
	"result completion total": show, "result completion hasMore": show,
	"result action": show, "result role": show, "result model": show, "result stopReason": show,
	"result inputRequests": each, "result inputRequests * method": show, "result inputRequests * params mode": show,
	"result task status": show, "result task ttl": show, "result task pollInterval": show, "result tasks[] status": show,
	"result status": show, "result ttl": show, "result pollInterval": show,
}

// Redact returns msg, a message or a batch, with all values replaced that the allow-list does not name, and with member names
// replaced that do not look like names. It has no line breaks. What is no JSON is replaced as a whole.
func Redact(msg []byte) []byte {
	r := redactor{in: jsontext.NewDecoder(bytes.NewBuffer(msg), jsontext.AllowDuplicateNames(true))}
	if err := r.whole(); err != nil {
		return quoted(marker(len(msg)))
	}
	return r.out
}

type redactor struct {
	in  *jsontext.Decoder
	out []byte
}

// whole copies a value after which nothing comes.
func (r *redactor) whole() error {
	if err := r.value("", 0); err != nil {
		return err
	}
	if _, err := r.in.ReadToken(); err != io.EOF {
		return errMore
	}
	return nil
}

var errMore = errors.New("text after the message")

// value copies the next value, which stands at path.
func (r *redactor) value(path string, above rule) error {
	now := readable[path]
	if now == 0 && above == flags {
		now = flags
	}
	token, err := r.in.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case '{':
		return r.object(path, now)
	case '[':
		return r.array(path, now)
	}
	r.out = append(r.out, scalar(token, now)...)
	return nil
}

func (r *redactor) object(path string, now rule) error {
	r.out = append(r.out, '{')
	for i := 0; r.in.PeekKind() != '}'; i++ {
		name, err := r.in.ReadToken()
		if err != nil {
			return err
		}
		if i > 0 {
			r.out = append(r.out, ',')
		}
		text := name.String()
		r.out = append(append(r.out, memberName(text)...), ':')
		if err := r.value(below(path, text, now), now); err != nil {
			return err
		}
	}
	r.out = append(r.out, '}')
	_, err := r.in.ReadToken()
	return err
}

func (r *redactor) array(path string, now rule) error {
	r.out = append(r.out, '[')
	if path != "" { // the elements of a batch are messages
		path += "[]"
	}
	for i := 0; r.in.PeekKind() != ']'; i++ {
		if i > 0 {
			r.out = append(r.out, ',')
		}
		if err := r.value(path, now); err != nil {
			return err
		}
	}
	r.out = append(r.out, ']')
	_, err := r.in.ReadToken()
	return err
}

// below returns where a member of the object at path stands.
func below(path, name string, now rule) string {
	switch {
	case now == each:
		name = "*"
	case !isName(name):
		name = "?" // else it could forge a path
	}
	if path == "" {
		return name
	}
	return path + " " + name
}

// scalar returns a text, number or boolean as far as it may be read. What is nothing stays.
func scalar(token jsontext.Token, now rule) []byte {
	kind := token.Kind()
	text := token.String()
	switch {
	case kind == 'n':
		return []byte("null")
	case kind == '"' && (now == show || text == ""):
		return quoted(text)
	case kind == '"' && now == hash:
		return quoted("‹hash " + secret.Hash(text) + "›")
	case kind == '"':
		return quoted(marker(len(text)))
	case now == show || now == flags:
		return []byte(text)
	case kind == '0':
		return quoted("‹redacted number›")
	}
	return quoted("‹redacted boolean›")
}

func marker(length int) string { return fmt.Sprintf("‹redacted %d›", length) }

func quoted(text string) []byte {
	out, err := jsontext.AppendQuote(nil, text)
	if err != nil { // not valid UTF-8: nobody can read it anyway
		return quoted(marker(len(text)))
	}
	return out
}

// memberName returns a member's name, or a marker for what does not look like one: names may be data.
func memberName(text string) []byte {
	if !isName(text) {
		text = marker(len(text))
	}
	return quoted(text)
}

// maxName is the length of the longest member name that is shown.
const maxName = 64

func isName(text string) bool {
	for i := range len(text) {
		if c := text[i]; !isLetter(c) && (i == 0 || !isInner(c)) {
			return false
		}
	}
	return len(text) <= maxName
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == '$' }

func isInner(c byte) bool { return '0' <= c && c <= '9' || c == '.' || c == '/' || c == '-' }
