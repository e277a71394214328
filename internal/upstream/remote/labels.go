package remote

import (
	"net/http"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// labels are the headers of a connection's requests, ready-made. They change while it is
// opened: the version is settled, a session is given out. The maps are shared by requests and are not changed.
type labels struct {
	version, session string
	post             http.Header
	again            http.Header // for a POST that may be sent twice
	get              http.Header
}

func (e *endpoint) label(version, session string) *labels {
	common := http.Header{}
	if version != "" {
		common[mcp.HeaderVersion] = []string{version}
	}
	if session != "" {
		common[mcp.HeaderSession] = []string{session}
	}
	post := e.headers(common)
	post["Content-Type"] = []string{typeJSON}
	post["Accept"] = []string{typeJSON + ", " + typeStream}
	again := post.Clone()
	again["Idempotency-Key"] = nil // tells net/http, and nobody else
	get := e.headers(common)
	get["Accept"] = []string{typeStream}
	get["Accept-Encoding"] = []string{"identity"} // what compresses may hold events back
	return &labels{version: version, session: session, post: post, again: again, get: get}
}

func (l *labels) modern() bool { return mcp.EraOf(l.version) == mcp.Modern }

// request returns the headers of the POST of r.
func (l *labels) request(r *upstream.Request) http.Header {
	h := l.post
	if isRead(r.Method) {
		h = l.again
	}
	if !l.modern() {
		return forwarded(h, r)
	}
	h = with(h, r.Method)
	h = forwarded(h, r)
	if r.Name != "" {
		h[mcp.HeaderName] = []string{mcp.EncodeHeader(r.Name)}
	}
	for _, p := range r.Params {
		h[http.CanonicalHeaderKey(p[0])] = []string{p[1]}
	}
	return h
}

// forwarded returns h with the headers that tell of the client, if there are any; h itself stays.
func forwarded(h http.Header, r *upstream.Request) http.Header {
	if len(r.Forwarded) == 0 {
		return h
	}
	h = h.Clone()
	for _, p := range r.Forwarded {
		h[p[0]] = []string{p[1]}
	}
	return h
}

// message returns the headers of the POST of a notification or an answer; method is empty for that.
func (l *labels) message(method string) http.Header {
	if !l.modern() || method == "" {
		return l.post
	}
	return with(l.post, method)
}

// after returns the headers of a GET for a stream, from behind the event with that id if there is one.
func (l *labels) after(event string) http.Header {
	if event == "" {
		return l.get
	}
	h := l.get.Clone()
	h[mcp.HeaderLastEvent] = []string{event}
	return h
}

func with(h http.Header, method string) http.Header {
	more := make(http.Header, len(h)+2)
	for name, values := range h {
		more[name] = values
	}
	more[mcp.HeaderMethod] = []string{method}
	return more
}

// isRead reports whether a request changes nothing, so that net/http may send it once more when
// the backend closes the socket at the moment it arrives.
func isRead(method string) bool {
	switch method {
	case mcp.MethodToolsList, mcp.MethodPromptsList, mcp.MethodResourcesList, mcp.MethodTemplatesList,
		mcp.MethodResourcesRead, mcp.MethodPromptsGet, mcp.MethodComplete, mcp.MethodPing,
		mcp.MethodDiscover, mcp.MethodTasksGet, mcp.MethodTasksList:
		return true
	}
	return false
}
