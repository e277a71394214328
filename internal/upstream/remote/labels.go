package remote

import (
	"maps"
	"net/http"
	"net/url"

	"onemcp/internal/h1"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// labels are the headers of a connection's requests. They change while it is opened: the version is settled, a session
// is given out. What is sent often is ready-made, and what all sessions of a backend send is shared.
type labels struct {
	at               *endpoint
	version, session string
	post             form
}

// label returns the labels of requests to a URL of the backend's origin.
func (e *endpoint) label(to *url.URL, version, session string) *labels {
	l := &labels{at: e, version: version, session: session}
	shared := &e.post
	if to != e.url {
		shared = e.postTo(to)
	}
	l.post = shared.with(l.own())
	return l
}

// postTo returns what every POST to a URL is made of.
func (e *endpoint) postTo(to *url.URL) *form {
	h := maps.Clone(e.fixed)
	h["Content-Type"] = []string{typeJSON}
	h["Accept"] = []string{typeJSON + ", " + typeStream}
	return e.form(http.MethodPost, to, h)
}

// own returns the headers that tell the connection from others.
func (l *labels) own() (own []h1.Field) {
	if l.version != "" {
		own = append(own, h1.Field{mcp.HeaderVersion, l.version})
	}
	if l.session != "" {
		own = append(own, h1.Field{mcp.HeaderSession, l.session})
	}
	return own
}

func (l *labels) modern() bool { return mcp.EraOf(l.version) == mcp.Modern }

// request returns the POST of r, whose body is p.
func (l *labels) request(r *upstream.Request, p *payload) letter {
	return letter{form: &l.post, more: l.more(r), twice: isRead(r.Method), body: p}
}

// more returns the headers that r has beside others: those that tell of the client, and those of a modern request.
func (l *labels) more(r *upstream.Request) []h1.Field {
	if !l.modern() {
		return r.Forwarded
	}
	more := make([]h1.Field, 0, 2+len(r.Forwarded)+len(r.Params))
	more = append(more, h1.Field{mcp.HeaderMethod, r.Method})
	more = append(more, r.Forwarded...)
	if r.Name != "" {
		more = append(more, h1.Field{mcp.HeaderName, mcp.EncodeHeader(r.Name)})
	}
	return append(more, r.Params...)
}

// message returns the POST of a notification or an answer; method is empty for that.
func (l *labels) message(method string, p *payload) letter {
	to := letter{form: &l.post, body: p}
	if l.modern() && method != "" {
		to.more = []h1.Field{{mcp.HeaderMethod, method}}
	}
	return to
}

// after returns the GET for a stream, from behind the event with that id if there is one.
func (l *labels) after(event string) letter {
	to := l.bare(http.MethodGet)
	if event != "" {
		to.more = []h1.Field{{mcp.HeaderLastEvent, event}}
	}
	return to
}

// bare returns a request without a body. There are few.
func (l *labels) bare(method string) letter {
	h := withFields(l.at.fixed, l.own())
	h["Accept"] = []string{typeStream}
	h["Accept-Encoding"] = []string{"identity"} // what compresses may hold events back
	return letter{form: l.at.form(method, l.post.to, h)}
}

// isRead reports whether a request changes nothing, so that it may be sent once more when
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
