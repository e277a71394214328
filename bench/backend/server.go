package backend

import (
	"bytes"
	"fmt"
	"strconv"

	"onemcp/bench/scan"
)

// The tools. Others, called tool_3 and so on, do what echo does.
const (
	Echo = "echo" // returns its argument text
	Blob = "blob" // returns BlobSize bytes of text
	Sink = "sink" // returns how long its argument text is
)

// BlobSize is the length of the text that blob returns.
const BlobSize = 1 << 20

// ModernVersion and LegacyVersion are what the backend speaks in each era.
const (
	ModernVersion = "2026-07-28"
	LegacyVersion = "2025-11-25"
)

// reply is an answer: the body is head and then tail, which is shared and must not be changed.
type reply struct {
	status int
	head   []byte
	tail   []byte
	opens  bool // a session, over HTTP
}

// Server answers messages as its profile says. It does not change, so many connections share it.
type Server struct {
	profile Profile
	tools   []byte // the members of a list's result, without the braces
	blob    []byte // the end of blob's answer
	list    []byte // in place of the result of tools/list; nil: none
}

// New returns a server.
func New(p Profile) (*Server, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	blob := append(bytes.Repeat([]byte("x"), BlobSize), `"}]}}`...)
	return &Server{profile: p, tools: tools(p.Tools), blob: blob}, nil
}

// WithList returns a server that answers tools/list with a given result.
func (s *Server) WithList(result []byte) *Server {
	changed := *s
	changed.list = result
	return &changed
}

// tools is the array of tools.
func tools(n int) []byte {
	out := []byte(`[`)
	for i := range n {
		name := "tool_" + strconv.Itoa(i)
		if i < 3 {
			name = []string{Echo, Blob, Sink}[i]
		}
		out = fmt.Appendf(out, `{"name":%q,"description":"A tool of the benchmark, which returns what it was given, number %d","inputSchema":{"type":"object","properties":{"text":{"type":"string","description":"The text that comes back"}},"required":["text"]}},`, name, i)
	}
	return append(out[:len(out)-1], ']')
}

// Answer answers one message, for servers of another kind. The status is the one for HTTP, opens
// says that a session begins.
func (s *Server) Answer(message []byte) (status int, body []byte, opens bool) {
	a := s.answer(nil, message)
	return a.status, append(a.head, a.tail...), a.opens
}

// answer appends the answer to one message to buf. Status 202 means that there is none.
func (s *Server) answer(buf, message []byte) reply {
	id := scan.Member(message, "id")
	method := scan.Text(scan.Member(message, "method"))
	if id == nil || method == nil {
		return reply{status: 202, head: buf}
	}
	params := scan.Member(message, "params")
	modern := scan.Member(scan.Member(params, "_meta"), "io.modelcontextprotocol/protocolVersion") != nil
	buf = append(append(append(buf, `{"jsonrpc":"2.0","id":`...), id...), ',')
	switch {
	case s.list != nil && string(method) == "tools/list":
		return reply{status: 200, head: append(append(append(buf, `"result":`...), s.list...), '}')}
	case modern && s.profile.Era == Legacy:
		return refuse(buf, 400, -32601, "this server has no method of that name")
	case !modern && s.profile.Era == Modern:
		return refuse(buf, 400, -32602, "params._meta lacks io.modelcontextprotocol/protocolVersion")
	}
	return s.call(buf, string(method), params, modern)
}

// call appends the answer to a request of an era that the server speaks.
func (s *Server) call(buf []byte, method string, params []byte, modern bool) reply {
	buf = append(buf, `"result":{`...)
	if modern {
		buf = append(buf, `"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"bench","version":"1"}},`...)
	}
	switch {
	case method == "tools/call":
		return s.callTool(buf, params)
	case method == "tools/list":
		buf = append(cacheable(buf, modern), `"tools":`...)
		return reply{status: 200, head: append(append(buf, s.tools...), `}}`...)}
	case method == "initialize" && !modern:
		return reply{status: 200, opens: true, head: append(buf, `"protocolVersion":"`+LegacyVersion+`","capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}}}`...)}
	case method == "server/discover" && modern:
		return reply{status: 200, head: append(cacheable(buf, true), `"supportedVersions":[`+s.versions()+`],"capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}}}`...)}
	case method == "ping" && !modern:
		return reply{status: 200, head: append(buf, `}}`...)}
	}
	buf = buf[:bytes.LastIndex(buf, []byte(`"result":{`))]
	return refuse(buf, 404, -32601, "this server has no method of that name")
}

// versions are those of server/discover.
func (s *Server) versions() string {
	if s.profile.Era == Both {
		return `"` + ModernVersion + `","` + LegacyVersion + `"`
	}
	return `"` + ModernVersion + `"`
}

func cacheable(buf []byte, modern bool) []byte {
	if modern {
		buf = append(buf, `"ttlMs":60000,"cacheScope":"public",`...)
	}
	return buf
}

func (s *Server) callTool(buf, params []byte) reply {
	text := scan.Text(scan.Member(scan.Member(params, "arguments"), "text"))
	buf = append(buf, `"content":[{"type":"text","text":"`...)
	switch string(scan.Text(scan.Member(params, "name"))) {
	case Blob:
		return reply{status: 200, head: buf, tail: s.blob}
	case Sink:
		buf = strconv.AppendInt(buf, int64(len(text)), 10)
	default:
		buf = append(buf, text...)
	}
	return reply{status: 200, head: append(buf, `"}]}}`...)}
}

func refuse(buf []byte, status, code int, why string) reply {
	return reply{status: status, head: fmt.Appendf(buf, `"error":{"code":%d,"message":%q}}`, code, why)}
}
