package example

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	modernVersion       = "2026-07-28"
	newestLegacyVersion = "2025-11-25"
	ttlMs               = 60_000 // the lists never change while the process lives
)

// supportedVersions lists all versions, newest first.
func supportedVersions() []string {
	return []string{modernVersion, newestLegacyVersion, "2025-06-18", "2025-03-26", "2024-11-05"}
}

// negotiate answers the legacy version that a session will speak.
func negotiate(asked string) string {
	if asked != modernVersion && slices.Contains(supportedVersions(), asked) {
		return asked
	}
	return newestLegacyVersion
}

// requestMeta is the part of a request's _meta that this server reads.
type requestMeta struct {
	ProgressToken jsontext.Value `json:"progressToken,omitzero"`
	Version       *string        `json:"io.modelcontextprotocol/protocolVersion,omitzero"`
	Capabilities  *capabilities  `json:"io.modelcontextprotocol/clientCapabilities,omitzero"`
	LogLevel      string         `json:"io.modelcontextprotocol/logLevel,omitempty"`
}

// capabilities is the part of a client's capabilities that this server reads.
type capabilities struct {
	Elicitation *struct {
		Form jsontext.Value `json:"form,omitzero"`
		URL  jsontext.Value `json:"url,omitzero"`
	} `json:"elicitation,omitzero"`
}

// forms reports whether the client can show a form. A bare elicitation
// capability means forms, as it did before there were modes.
func (c capabilities) forms() bool {
	return c.Elicitation != nil && (c.Elicitation.Form != nil || c.Elicitation.URL == nil)
}

// caller is what a request says of its sender, or its session said before.
type caller struct {
	modern bool
	caps   capabilities
	level  string // lowest log level the client wants; empty means none
}

// judge tells who calls by what the request carries. Legacy requests take
// the session's caller; before initialize there is none, and a request
// without metadata is wrong in either era.
func judge(meta requestMeta, method string, session *caller) (caller, *wireError) {
	switch {
	case meta.Version != nil:
		return judgeModern(meta)
	case method == "initialize" || method == "ping":
		return caller{}, nil
	case session == nil || method == "server/discover":
		return caller{}, invalidParams("params._meta lacks io.modelcontextprotocol/protocolVersion, and no initialize opened a session")
	default:
		return *session, nil
	}
}

func judgeModern(meta requestMeta) (caller, *wireError) {
	if *meta.Version != modernVersion {
		return caller{}, unsupportedVersion(*meta.Version)
	}
	if meta.Capabilities == nil {
		return caller{}, invalidParams("params._meta lacks io.modelcontextprotocol/clientCapabilities")
	}
	if meta.LogLevel != "" && severity(meta.LogLevel) < 0 {
		return caller{}, invalidParams("params._meta holds an unknown log level")
	}
	return caller{modern: true, caps: *meta.Capabilities, level: meta.LogLevel}, nil
}

func unsupportedVersion(asked string) *wireError {
	return &wireError{Code: codeUnsupportedVersion, Message: "unsupported protocol version", Data: struct {
		Supported []string `json:"supported"`
		Requested string   `json:"requested"`
	}{supportedVersions(), asked}}
}

// severity ranks a log level; unknown ones are negative.
func severity(level string) int {
	return slices.Index([]string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}, level)
}

type implementation struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Version string `json:"version"`
}

func self() implementation {
	return implementation{Name: "1mcp-example", Title: "1mcp example server", Version: "1.0.0"}
}

// result is what a handler returns: a body, and what the modern era says of it.
type result struct {
	body          any
	cacheable     bool
	inputRequired bool
	subscription  jsontext.Value // set on the end of a listen request
}

// modernResult is a body with the members that the modern era requires.
type modernResult struct {
	ResultType string         `json:"resultType"`
	TTLMs      int            `json:"ttlMs,omitzero"`
	CacheScope string         `json:"cacheScope,omitempty"`
	Meta       resultMeta     `json:"_meta"`
	Body       jsontext.Value `json:",embed"`
}

type resultMeta struct {
	ServerInfo   implementation `json:"io.modelcontextprotocol/serverInfo"`
	Subscription jsontext.Value `json:"io.modelcontextprotocol/subscriptionId,omitzero"`
}

// encode writes a result as the caller's era wants it.
func (r result) encode(modern bool) (jsontext.Value, error) {
	body, err := json.Marshal(r.body)
	if err != nil || !modern {
		return body, err
	}
	m := modernResult{ResultType: "complete", Meta: resultMeta{self(), r.subscription}, Body: body}
	if r.inputRequired {
		m.ResultType = "input_required"
	}
	if r.cacheable {
		m.TTLMs, m.CacheScope = ttlMs, "public"
	}
	return json.Marshal(m)
}
