package trustproxy

import (
	"net/textproto"
	"slices"
	"strings"
)

// The names that have a grammar of their own. Any other name carries a single value.
const (
	xForwardedFor   = "X-Forwarded-For"
	xForwardedProto = "X-Forwarded-Proto"
	xForwardedHost  = "X-Forwarded-Host"
	forwarded       = "Forwarded"
)

// header is one configured header; the zero value is never read.
type header struct{ name string }

func (h header) off() bool         { return h.name == "" }
func (h header) isForwarded() bool { return h.name == forwarded }
func (h header) isList() bool      { return h.name == xForwardedFor || h.name == forwarded }

// headers says which header tells what.
type headers struct {
	client, proto, host header
	initials            letters
}

func (h *headers) anyForwarded() bool {
	return h.client.isForwarded() || h.proto.isForwarded() || h.host.isForwarded()
}

func defaultHeaders() headers {
	return headers{client: header{xForwardedFor}, proto: header{xForwardedProto}, host: header{xForwardedHost}}
}

// headerName is one name in the file: absent, switched off, or a canonical name.
type headerName struct {
	set  bool
	name string // empty and set: never read
}

type headerNames struct{ client, proto, host headerName }

// parseHeaderNames reads the headers object.
func parseHeaderNames(v any) (headerNames, error) {
	o, ok := v.(object)
	if !ok {
		return headerNames{}, &ValueError{Entry: show(v), Problem: "not an object",
			Hint: "write an object with clientIp, protocol and host"}
	}
	var names headerNames
	for _, m := range o {
		name, err := parseHeaderName(m.value)
		switch m.name {
		case "clientIp":
			names.client = name
		case "protocol":
			names.proto = name
		case "host":
			names.host = name
		default:
			err = &ValueError{Entry: m.name, Problem: "an unknown key", Hint: "known are clientIp, protocol and host"}
		}
		if err != nil {
			return headerNames{}, at(m.name, err)
		}
	}
	return names, nil
}

func parseHeaderName(v any) (headerName, error) {
	if v == nil || v == false {
		return headerName{set: true}, nil
	}
	text, ok := v.(string)
	if !ok {
		return headerName{}, &ValueError{Entry: show(v), Problem: "not a header name", Hint: "write a name, or false to never read one"}
	}
	if problem := refuseHeaderName(text); problem != "" {
		return headerName{}, &ValueError{Entry: text, Problem: problem,
			Hint: "write the name that the proxy sets, such as X-Forwarded-For, X-Real-IP or CF-Connecting-IP"}
	}
	return headerName{set: true, name: textproto.CanonicalMIMEHeaderKey(text)}, nil
}

// refuseHeaderName says why a name cannot carry what a proxy tells, or nothing.
func refuseHeaderName(text string) string {
	switch {
	case text == "" || !all(text, isTokenChar):
		return "not a header name"
	case strings.Contains(text, "_"):
		return "underscore spellings are never read, because clients can pass them through proxies"
	case slices.Contains(meaningful(), strings.ToLower(text)):
		return "this header means something else"
	}
	return ""
}

// meaningful returns the headers whose meaning for HTTP, or for this program, is another.
func meaningful() []string {
	return []string{
		"host", "connection", "authorization", "cookie", "content-length", "transfer-encoding", "origin",
		"accept", "content-type", "content-encoding", "date", "expect", "keep-alive", "last-event-id",
		"mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id", "proxy-authenticate", "proxy-authorization",
		"proxy-connection", "range", "referer", "set-cookie", "te", "trailer", "upgrade", "user-agent", "via",
	}
}

// headers fills in what the file leaves out. Who reads the client from Forwarded reads the
// rest there too: a proxy that writes it need not clear the X- names a client sends.
func (n headerNames) headers() (headers, error) {
	h := defaultHeaders()
	if n.client.set {
		h.client.name = n.client.name
	}
	if h.client.isForwarded() {
		h.proto.name, h.host.name = forwarded, forwarded
	}
	if n.proto.set {
		h.proto.name = n.proto.name
	}
	if n.host.set {
		h.host.name = n.host.name
	}
	return h, h.distinct()
}

// distinct refuses one name for two things, unless it is the one that carries several.
func (h headers) distinct() error {
	clash := func(a, b header) bool { return a == b && !a.off() && !a.isForwarded() }
	name := ""
	switch {
	case clash(h.client, h.proto), clash(h.client, h.host):
		name = h.client.name
	case clash(h.proto, h.host):
		name = h.proto.name
	default:
		return nil
	}
	return &ValueError{Entry: name, Problem: "one header cannot tell two things", Hint: "name a header for each, or false"}
}

// isTokenChar tells whether c may stand in a header name.
func isTokenChar(c byte) bool {
	return isAlnum(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// IsForwarding tells whether a header name, in any case and also with underscores, is one by
// which proxies describe a client. Such headers of a request say nothing about the gateway
// itself, so they are not passed on to backends.
func IsForwarding(name string) bool {
	return classify(textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))) != classOther
}

// isForwarding is IsForwarding with the configured names.
func (h *headers) isForwarding(name string) bool {
	key := textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
	return key != "" && (classify(key) != classOther || key == h.client.name || key == h.proto.name || key == h.host.name)
}

// class is what a header name means for the derivation; but for classOther in the order of the
// bits of [Seen].
type class uint8

const (
	classOther class = iota
	classFor
	classProto
	classHost
	classForwarded
	classRealIP
	classCloudflare
	classAlso // forwarding, and never read
)

// classify sorts a canonical header name.
func classify(key string) class {
	if !candidate(key) {
		return classOther
	}
	return classifyKnown(key)
}

// candidate tells by its first two letters whether a canonical name may be a forwarding header,
// in either spelling. It settles nearly all other headers.
func candidate(key string) bool {
	if len(key) < len("X-Host") {
		return false
	}
	switch second := key[1]; key[0] {
	case 'X':
		return second == '-' || second == '_'
	case 'F': // Forwarded, Front-End-Https, Fastly-Client-Ip
		return second == 'o' || second == 'r' || second == 'a'
	case 'C': // Cf-, Client-Ip
		return second == 'f' || second == 'l'
	case 'T': // True-Client-Ip
		return second == 'r'
	}
	return false
}

func classifyKnown(key string) class {
	switch key {
	case xForwardedFor:
		return classFor
	case xForwardedProto:
		return classProto
	case xForwardedHost:
		return classHost
	case forwarded:
		return classForwarded
	case "X-Real-Ip":
		return classRealIP
	case "Cf-Connecting-Ip":
		return classCloudflare
	case "X-Scheme", "X-Url-Scheme", "Front-End-Https", "X-Host", "X-Original-Host", "X-Original-Url", "X-Rewrite-Url",
		"Client-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Fastly-Client-Ip":
		return classAlso
	}
	if strings.HasPrefix(key, "X-Forwarded") || strings.HasPrefix(key, "Cf-") {
		return classAlso
	}
	return classOther
}
