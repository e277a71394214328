package eragate

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// Gate is the era that is let through.
type Gate string

// The two eras.
const (
	Legacy Gate = "legacy"
	Modern Gate = "modern"
)

const modernVersion = "2026-07-28"

// Parse reads an era's name.
func Parse(name string) (Gate, error) {
	if g := Gate(name); g == Legacy || g == Modern {
		return g, nil
	}
	return "", fmt.Errorf("era %q is neither legacy nor modern", name)
}

// message is what the gate reads of a client's message.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Version string `json:"protocolVersion"` // of initialize
		Meta    struct {
			Version *string `json:"io.modelcontextprotocol/protocolVersion"`
		} `json:"_meta"`
	} `json:"params"`
}

func (m message) isRequest() bool { return m.Method != "" && m.ID != nil }

// verdict is what becomes of a client's message.
type verdict struct {
	drop  bool   // it goes no further
	reply []byte // what the client gets instead; nil for nothing
}

// judge decides over a client's message. What is not JSON passes: the server
// says it better.
func (g Gate) judge(raw []byte) (message, verdict) {
	var m message
	if json.Unmarshal(raw, &m) != nil {
		return message{}, verdict{}
	}
	if g == Legacy {
		return m, judgeLegacy(m)
	}
	return m, judgeModern(m)
}

// judgeLegacy answers as a server that knows neither discovery nor metadata.
func judgeLegacy(m message) verdict {
	switch {
	case m.isRequest() && m.Method == "server/discover":
		return verdict{drop: true, reply: refusal(m, -32601, "Method not found", "")}
	case m.isRequest() && m.Params.Meta.Version != nil:
		return verdict{drop: true, reply: refusal(m, -32602, "Received request before initialization was complete", "")}
	}
	return verdict{}
}

// judgeModern answers as a server that knows no sessions and takes no responses.
func judgeModern(m message) verdict {
	switch {
	case m.isRequest() && m.Method == "initialize":
		data := fmt.Sprintf(`{"supported":[%q],"requested":%q}`, modernVersion, m.Params.Version)
		return verdict{drop: true, reply: refusal(m, -32022, "Unsupported protocol version", data)}
	case m.isRequest() && m.Params.Meta.Version == nil:
		return verdict{drop: true, reply: refusal(m, -32602, "Invalid params: _meta lacks io.modelcontextprotocol/protocolVersion", "")}
	case m.Method == "" || m.Method == "notifications/initialized":
		return verdict{drop: true}
	}
	return verdict{}
}

func refusal(m message, code int, text, data string) []byte {
	if data != "" {
		data = `,"data":` + data
	}
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%q%s}}`, m.ID, code, text, data)
}

// narrow leaves only the modern version in the answer to a discovery.
func narrow(answer []byte) []byte {
	versions := regexp.MustCompile(`"supportedVersions":\s*\[[^\]]*\]`)
	return versions.ReplaceAll(answer, []byte(`"supportedVersions":["`+modernVersion+`"]`))
}
