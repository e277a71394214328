package front

import (
	"net/http"
	"net/url"
	"strings"

	"onemcp/internal/fault"
	"onemcp/internal/publicurl"
)

// kind is what is served at a path.
type kind uint8

const (
	toNothing kind = iota
	toMCP
	toOldStream
	toOldPost
	toHealth
	toIndex
	toWhoami
	toMetrics
)

// String returns the kind as it stands in metrics.
func (k kind) String() string {
	return [...]string{"none", "mcp", "sse", "messages", "health", "index", "whoami", "metrics"}[k]
}

// target is where a request wants to go.
type target struct {
	kind    kind
	backend string // of toMCP and toOldStream; empty: the merged endpoint
	path    string // canonical
	allow   string // the methods there are
}

// route finds the target of a URL. A slash at the end changes nothing, nor does the path prefix of an
// external URL, which some proxies strip and some do not.
func route(u *url.URL, base publicurl.Base) target {
	path := base.Strip(u.EscapedPath())
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	switch path {
	case "/mcp":
		return target{kind: toMCP, path: path, allow: "POST, GET, DELETE"}
	case "/sse":
		return target{kind: toOldStream, path: path, allow: "GET"}
	case "/messages":
		return target{kind: toOldPost, path: path, allow: "POST"}
	case "/health", "/health/live", "/health/ready":
		return target{kind: toHealth, path: path, allow: "GET, HEAD"}
	case "/whoami", "/whoami/stream", "/trust/anomalies":
		return target{kind: toWhoami, path: path, allow: "GET"}
	case "/whoami/body":
		return target{kind: toWhoami, path: path, allow: "POST"}
	case "/metrics":
		return target{kind: toMetrics, path: path, allow: "GET, HEAD"}
	case "/", "":
		return target{kind: toIndex, path: "/", allow: "GET, HEAD"}
	}
	if name, ok := backendAt("/mcp/servers/", path); ok {
		return target{kind: toMCP, backend: name, path: path, allow: "POST, GET, DELETE"}
	}
	if name, ok := backendAt("/sse/servers/", path); ok {
		return target{kind: toOldStream, backend: name, path: path, allow: "GET"}
	}
	return target{path: path}
}

func backendAt(prefix, path string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok || rest == "" || strings.Contains(rest, "/") {
		return "", false
	}
	name, err := url.PathUnescape(rest)
	return name, err == nil
}

// checkMethod answers OPTIONS, and refuses methods and paths there are not.
func (x *exchange) checkMethod(r *http.Request, to target) (done bool, err error) {
	if to.kind == toNothing || to.kind == toMetrics && x.front.Metrics.Handler() == nil {
		return false, fault.New(fault.NotFound, "there is nothing at %s", to.path).WithHint("MCP is served at /mcp, one server alone at /mcp/servers/<name>")
	}
	if r.Method == http.MethodOptions {
		x.Header().Set("Allow", to.allow+", OPTIONS")
		x.WriteHeader(http.StatusNoContent)
		return true, nil
	}
	for allowed := range strings.SplitSeq(to.allow, ", ") {
		if allowed == r.Method {
			return false, nil
		}
	}
	return false, notAllowed(to, to.allow)
}

func notAllowed(to target, allow string) error {
	return &refusal{
		status: http.StatusMethodNotAllowed,
		allow:  allow,
		err:    fault.New(fault.Unsupported, "%s takes %s only", to.path, allow),
	}
}
