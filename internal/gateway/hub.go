package gateway

import (
	"bytes"
	"slices"
	"sync"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

// The bounds of what one listener may have subscribed to.
const (
	maxSubscriptions = 1000
	maxSubscribed    = 2 << 10 // bytes of one uri
	maxEarly         = 1000    // messages that wait for an acknowledgement
)

// listener is somebody who is told of changes: a legacy session, or a modern client's open
// subscriptions/listen.
type listener struct {
	scope Scope
	wants announcement
	tag   []byte           // raw subscription id of a modern listener; nil for a legacy one
	send  func(msg []byte) // of a modern one

	client *Client // the session's; nil for a modern listener

	sending sync.Mutex // held while something is sent
	closed  bool       // nothing is sent any more
	opening bool       // a modern one's acknowledgement has not gone out
	early   [][]byte   // what waits for it, each message once

	mu   sync.Mutex
	uris map[string]string // subscribed resources, and the backends they are of
}

// deliver sends msg unless the listener has been closed.
func (l *listener) deliver(msg []byte) {
	l.sending.Lock()
	defer l.sending.Unlock()
	switch {
	case l.closed:
	case l.client != nil:
		l.client.Session.Send(msg)
	case !l.opening:
		l.send(msg)
	case len(l.early) <= maxEarly && !slices.ContainsFunc(l.early, func(has []byte) bool { return bytes.Equal(has, msg) }):
		l.early = append(l.early, msg)
	}
}

// acknowledge sends a modern listener's acknowledgement, and what has waited for it. The error says that it was too much.
func (l *listener) acknowledge(msg []byte) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	if len(l.early) > maxEarly {
		return fault.New(fault.Busy, "more has changed than can wait for the acknowledgement").WithHint("ask again")
	}
	l.send(msg)
	for _, msg := range l.early {
		l.send(msg)
	}
	l.opening, l.early = false, nil
	return nil
}

// close returns when no send is under way, after which none begins.
func (l *listener) close() {
	l.sending.Lock()
	defer l.sending.Unlock()
	l.closed = true
}

// hub tells listeners.
type hub struct {
	mu        sync.Mutex
	listeners map[*listener]struct{} // modern ones
	sessions  map[*session.Session]*member
	announced map[string]announcement // by backend, since the last change of the catalog
}

// member is the listener that a session is, and its client: both live as long as it does.
type member struct {
	listener
	client Client
}

// all are the listeners of both kinds. The caller holds h.mu.
func (h *hub) all(yield func(*listener) bool) {
	for l := range h.listeners {
		if !yield(l) {
			return
		}
	}
	for _, m := range h.sessions {
		if !yield(&m.listener) {
			return
		}
	}
}

// add takes in a modern listener, before it subscribes to anything: what a reload does not know of it does not take over.
func (h *hub) add(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners[l] = struct{}{}
}

func (h *hub) remove(l *listener) {
	h.mu.Lock()
	delete(h.listeners, l)
	h.mu.Unlock()
	l.close()
}

// join makes a session a listener to everything in its scope, until it ends.
func (h *hub) join(c *Client) {
	m := &member{client: *c}
	m.listener = listener{scope: c.Scope, wants: announcement{true, true, true, true}, client: &m.client}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions == nil {
		h.sessions = make(map[*session.Session]*member)
	}
	h.sessions[c.Session] = m
}

func (h *hub) leave(s *session.Session) *listener {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.find(s)
	delete(h.sessions, s)
	return l
}

func (h *hub) of(s *session.Session) *listener {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.find(s)
}

// find is of where the caller holds h.mu.
func (h *hub) find(s *session.Session) *listener {
	if m := h.sessions[s]; m != nil {
		return &m.listener
	}
	return nil
}

// announce notes what a backend said to have changed; it is told with the next [hub.changed].
func (h *hub) announce(backend string, a announcement) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.announced == nil {
		h.announced = make(map[string]announcement)
	}
	had := h.announced[backend]
	for k := range had {
		had[k] = had[k] || a[k]
	}
	h.announced[backend] = had
}

// changed tells each listener, once a list, of the lists in its own view that differ between two
// generations or that one of its backends announced.
//
// A session that has a connection of its own to the one backend it talks to hears from there of its own lists; here only a
// reload concerns it.
func (h *hub) changed(old, next *generation, reload bool) {
	h.mu.Lock()
	announced := h.announced
	h.announced = nil
	all := slices.Collect(h.all)
	h.mu.Unlock()
	seen := make(map[Scope]announcement) // listeners of one scope see the same
	for _, l := range all {
		if !reload && l.hearsItself(next) {
			continue
		}
		diff, ok := seen[l.scope]
		if !ok {
			diff = difference(l.scope, old, next, announced)
			seen[l.scope] = diff
		}
		l.tell(diff)
	}
}

// hearsItself reports whether a listener's lists come over a connection of its own.
func (l *listener) hearsItself(g *generation) bool {
	if l.client == nil || l.scope.Backend == "" {
		return false
	}
	b := g.byName[l.scope.Backend]
	return b != nil && b.hasOwn(l.client)
}

func (l *listener) tell(changed announcement) {
	told := ""
	for _, k := range catalog.Kinds() {
		if changed[k] && l.wants[k] && k.Note() != told {
			told = k.Note()
			l.deliver(listNote(told, l.tag))
		}
	}
}

func listNote(method string, tag []byte) []byte {
	if tag == nil {
		return mcp.AppendNotification(nil, method, nil)
	}
	params := append([]byte(`{"_meta":{"`+mcp.MetaSubscription+`":`), tag...)
	return mcp.AppendNotification(nil, method, append(params, '}', '}'))
}

// difference decides which lists have changed for a scope.
func difference(s Scope, old, next *generation, announced map[string]announcement) (diff announcement) {
	if s.Backend != "" {
		return directDifference(s.Backend, old, next, announced)
	}
	was, errWas := old.catalog.View(s.Selector)
	is, errIs := next.catalog.View(s.Selector)
	if errWas != nil || errIs != nil {
		return announcement{true, true, true, true}
	}
	for _, k := range catalog.Kinds() {
		a, _ := was.List(k, mcp.NoEra, 0, 0)
		b, _ := is.List(k, mcp.NoEra, 0, 0)
		diff[k] = !bytes.Equal(a, b)
	}
	for i, m := range next.catalog.Members() {
		if is.Shows(i) {
			diff.merge(announced[m.Name])
		}
	}
	return diff
}

func (a *announcement) merge(more announcement) {
	for k := range a {
		a[k] = a[k] || more[k]
	}
}

func directDifference(name string, old, next *generation, announced map[string]announcement) (diff announcement) {
	was, is := old.offers[name], next.offers[name]
	if was != is && was != nil && is != nil {
		for _, k := range catalog.Kinds() {
			diff[k] = !sameItems(was.Items[k], is.Items[k])
		}
	}
	diff.merge(announced[name])
	return diff
}

func sameItems(a, b []catalog.Item) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i].Raw, b[i].Raw) {
			return false
		}
	}
	return true
}

// updated passes notifications/resources/updated of a shared connection to those who subscribed.
func (h *hub) updated(backend string, m *mcp.Message) {
	uri, ok := m.Text(mcp.FieldURI)
	if !ok {
		return
	}
	h.mu.Lock()
	var to []*listener
	for l := range h.all {
		if l.subscribed(uri, backend) {
			to = append(to, l)
		}
	}
	h.mu.Unlock()
	for _, l := range to {
		l.deliver(m.Retag(nil, l.tag))
	}
}

// doubt tells who follows one of some resources that it may have changed: as a backend would, had it been heard.
func (h *hub) doubt(backend string, uris map[string]struct{}) {
	h.mu.Lock()
	all := slices.Collect(h.all)
	h.mu.Unlock()
	for _, l := range all {
		for _, uri := range l.urisOf(backend) {
			if _, doubted := uris[uri]; doubted && l.isOpen() {
				l.deliver(updateNote(uri, l.tag))
			}
		}
	}
}

// isOpen reports whether the client has been acknowledged: before that it has not looked at anything.
func (l *listener) isOpen() bool {
	l.sending.Lock()
	defer l.sending.Unlock()
	return !l.opening
}

func updateNote(uri string, tag []byte) []byte {
	params := mcp.Quote([]byte(`{"uri":`), uri)
	if tag != nil {
		params = append(append(params, `,"_meta":{"`+mcp.MetaSubscription+`":`...), tag...)
		params = append(params, '}')
	}
	return mcp.AppendNotification(nil, mcp.NoteResourceUpdated, append(params, '}'))
}

func (l *listener) subscribed(uri, backend string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if owner, ok := l.uris[uri]; ok {
		return owner == backend
	}
	for of, owner := range l.uris {
		if owner == backend && isPart(uri, of) {
			return true
		}
	}
	return false
}

// urisOf returns what listeners have subscribed to under a name.
func (h *hub) urisOf(backend string) (uris []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.all {
		uris = append(uris, l.urisOf(backend)...)
	}
	slices.Sort(uris)
	return slices.Compact(uris)
}

// urisOf returns what is subscribed to under a name.
func (l *listener) urisOf(backend string) (uris []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for uri, of := range l.uris {
		if of == backend {
			uris = append(uris, uri)
		}
	}
	return uris
}

// subscribe notes a subscription; first is false if it was there already. The error says that it would be one too many.
func (l *listener) subscribe(uri, backend string) (first bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, have := l.uris[uri]; have {
		return false, nil
	}
	if err := subscribable(len(l.uris)+1, uri); err != nil {
		return false, err
	}
	if l.uris == nil {
		l.uris = make(map[string]string)
	}
	l.uris[uri] = backend
	return true, nil
}

// subscribable decides whether a uri may be the n-th of a listener.
func subscribable(n int, uri string) error {
	switch {
	case n > maxSubscriptions:
		return fault.New(fault.Invalid, "a client may subscribe to %d resources and tasks at a time", maxSubscriptions).WithHint("unsubscribe from some first")
	case len(uri) > maxSubscribed:
		return fault.New(fault.Invalid, "a uri of %d bytes is too long to be subscribed to, the limit is %d", len(uri), maxSubscribed)
	}
	return nil
}

func (l *listener) unsubscribe(uri string) (backend string, had bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	backend, had = l.uris[uri]
	delete(l.uris, uri)
	return backend, had
}
