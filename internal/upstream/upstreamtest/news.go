package upstreamtest

import (
	"bytes"
	"context"
	"sync"

	"onemcp/internal/mcp"
)

// A Crowd are the conversations of one server. It knows all that any of them has received, and spreads news to all.
type Crowd struct {
	mu       sync.Mutex
	members  map[*Server]struct{}
	received [][]byte
	changed  chan struct{} // closed and made anew when a message has been received, or what is followed has changed
}

// NewCrowd returns a crowd without members.
func NewCrowd() *Crowd {
	return &Crowd{members: make(map[*Server]struct{}), changed: make(chan struct{})}
}

// Join makes s one of the crowd until [Server.Leave], in the place of the one it was of. It comes before s is used.
func (s *Server) Join(c *Crowd) {
	s.crowd = c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[s] = struct{}{}
}

// Leave ends the conversation's part in its crowd.
func (s *Server) Leave() {
	close(s.over)
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	delete(s.crowd.members, s)
	s.crowd.signal()
}

func (c *Crowd) receive(msg []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received = append(c.received, msg)
	c.signal()
}

// signal wakes who waits; the caller holds c.mu.
func (c *Crowd) signal() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// await returns the n-th message received that holds text, from 1; it waits for it until ctx ends.
func (c *Crowd) await(ctx context.Context, text string, n int) ([]byte, error) {
	for seen := 0; ; {
		c.mu.Lock()
		news, changed := c.received[seen:], c.changed
		seen = len(c.received)
		c.mu.Unlock()
		for _, msg := range news {
			if bytes.Contains(msg, []byte(text)) {
				if n--; n <= 0 {
					return msg, nil
				}
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// awaitFollowed returns when n subscriptions name a uri, or ask for the changes of a list, or ctx ends.
func (c *Crowd) awaitFollowed(ctx context.Context, what string, n int) {
	for {
		c.mu.Lock()
		changed, have := c.changed, 0
		for s := range c.members {
			have += s.interest.followed(what)
		}
		c.mu.Unlock()
		if have == n {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// spread tells all who asked. It waits for those who have a conversation without a stream for it.
func (c *Crowd) spread(ctx context.Context, method string, params []byte) {
	c.mu.Lock()
	var all []*Server
	for s := range c.members {
		all = append(all, s)
	}
	c.mu.Unlock()
	for _, s := range all {
		s.tell(ctx, method, params)
	}
}

// listening is one subscriptions/listen.
type listening struct {
	id, filter []byte
	send       func([]byte)
	drop       context.CancelFunc
}

// interest is what the client of one conversation wants to be told.
type interest struct {
	mu      sync.Mutex
	legacy  bool // it has initialized
	uris    map[string]bool
	listens map[string]listening // by raw id
	outlet  func([]byte)         // nil: there is no stream for what belongs to no request
	opened  chan struct{}        // closed when there is an outlet
}

func (i *interest) init() {
	i.uris, i.listens, i.opened = make(map[string]bool), make(map[string]listening), make(chan struct{})
}

// SetOutlet says through what the conversation sends that which belongs to no request; nil: through nothing.
func (s *Server) SetOutlet(send func([]byte)) {
	i := &s.interest
	i.mu.Lock()
	defer i.mu.Unlock()
	had := i.outlet != nil
	i.outlet = send
	switch {
	case send != nil && !had:
		close(i.opened)
	case send == nil && had:
		i.opened = make(chan struct{})
	}
}

// subscribe serves resources/subscribe and resources/unsubscribe.
func (s *Server) subscribe(m *mcp.Message) []byte {
	uri, _ := m.Text(mcp.FieldURI)
	if uri == s.Deny {
		return refuse(m, mcp.CodeInvalidParams, "no such resource")
	}
	s.change(func(i *interest) {
		if i.uris[uri] = true; m.Method == mcp.MethodUnsubscribe {
			delete(i.uris, uri)
		}
	})
	return s.result(m, `{}`)
}

// change changes what the client wants to be told.
func (s *Server) change(do func(*interest)) {
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	s.interest.mu.Lock()
	defer s.interest.mu.Unlock()
	do(&s.interest)
	s.crowd.signal()
}

// followed returns how many of the client's subscriptions name a uri, or ask for the changes of a list.
func (i *interest) followed(what string) (n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.uris[what] {
		n++
	}
	for _, l := range i.listens {
		if l.has("resourceSubscriptions", what) || string(mcp.Member(l.filter, what)) == "true" {
			n++
		}
	}
	return n
}

// tell sends a notification to the client if it asked for it.
func (s *Server) tell(ctx context.Context, method string, params []byte) {
	i := &s.interest
	i.mu.Lock()
	wanted := i.legacy && (method != mcp.NoteResourceUpdated || i.uris[follows(params)])
	opened := i.opened
	for _, l := range i.listens {
		if l.wants(method, params) {
			l.send(mcp.AppendNotification(nil, method, tagged(params, l.id)))
		}
	}
	i.mu.Unlock()
	if !wanted {
		return
	}
	select {
	case <-opened:
	case <-s.over:
		return
	case <-ctx.Done():
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.outlet != nil {
		i.outlet(mcp.AppendNotification(nil, method, params))
	}
}

func tagged(params, id []byte) []byte {
	if params == nil {
		params = []byte(`{}`)
	}
	return mcp.With(params, "_meta", []byte(`{"vendor.example/n":1.0,"`+mcp.MetaSubscription+`":`+string(id)+`}`))
}

// wants reports whether a subscription was made for a notification.
func (l listening) wants(method string, params []byte) bool {
	flag := func(name string) bool { return string(mcp.Member(l.filter, name)) == "true" }
	switch method {
	case mcp.NoteToolsChanged:
		return flag("toolsListChanged")
	case mcp.NotePromptsChanged:
		return flag("promptsListChanged")
	case mcp.NoteResourcesChanged:
		return flag("resourcesListChanged")
	case mcp.NoteResourceUpdated:
		return l.has("resourceSubscriptions", follows(params))
	case mcp.NoteTasks:
		id, _ := mcp.Unquote(mcp.Member(params, "taskId"))
		return l.has("taskIds", id)
	}
	return false
}

// has reports whether a list of the filter holds a text.
func (l listening) has(list, text string) bool {
	for _, raw := range mcp.Elements(mcp.Member(l.filter, list)) {
		if one, _ := mcp.Unquote(raw); one == text {
			return true
		}
	}
	return false
}

// follows returns which subscription an update belongs to: the one it says, or that of the resource itself.
func follows(params []byte) string {
	uri, ok := mcp.Unquote(mcp.Member(params, "follows"))
	if !ok {
		uri, _ = mcp.Unquote(mcp.Member(params, "uri"))
	}
	return uri
}

// listen acknowledges a subscription and holds it until it is cancelled.
func (s *Server) listen(ctx context.Context, m *mcp.Message, send func([]byte)) []byte {
	ctx, drop := context.WithCancel(ctx)
	defer drop()
	l := listening{drop: drop, id: m.IDBytes(), filter: s.honoured(m.Value(mcp.FieldNotifications)), send: send}
	s.change(func(i *interest) { // no news goes out between the acknowledgement and what makes it true
		l.acknowledge(!s.Hush)
		i.listens[string(l.id)] = l
	})
	<-ctx.Done()
	s.change(func(i *interest) {
		if delete(i.listens, string(l.id)); s.Sole {
			clear(i.listens)
		}
	})
	if !s.Sole {
		return nil
	}
	return s.result(m, `{"_meta":{"`+mcp.MetaSubscription+`":`+string(l.id)+`}}`)
}

// acknowledge tells what is honoured, and that tools have changed if the server has that to say.
func (l listening) acknowledge(talks bool) {
	l.send(mcp.AppendNotification(nil, mcp.NoteAcknowledged, []byte(`{"_meta":{"`+mcp.MetaSubscription+`":`+string(l.id)+`},"notifications":`+string(l.filter)+`}`)))
	if talks && l.wants(mcp.NoteToolsChanged, nil) {
		l.send(mcp.AppendNotification(nil, mcp.NoteToolsChanged, tagged(nil, l.id)))
	}
}

// Drop ends all subscriptions of modern clients without a word.
func (s *Server) Drop() {
	s.change(func(i *interest) {
		for id, l := range i.listens {
			l.drop()
			delete(i.listens, id)
		}
	})
}

// honoured is a filter without the resource that the script denies.
func (s *Server) honoured(filter []byte) []byte {
	if s.Deny == "" || mcp.Member(filter, "resourceSubscriptions") == nil {
		return filter
	}
	kept := []byte{'['}
	for _, raw := range mcp.Elements(mcp.Member(filter, "resourceSubscriptions")) {
		if uri, _ := mcp.Unquote(raw); uri != s.Deny {
			if len(kept) > 1 {
				kept = append(kept, ',')
			}
			kept = append(kept, raw...)
		}
	}
	return mcp.With(mcp.Without(filter, "resourceSubscriptions"), "resourceSubscriptions", append(kept, ']'))
}

// news spreads a notification to every client of the server that asked for it.
func (c *call) news(ctx context.Context) []byte {
	a := c.args()
	c.s.crowd.spread(ctx, a.Method, a.Params)
	return c.structured("null")
}

// heard answers with the n-th message that holds a text and that any conversation of the server has received.
func (c *call) heard(ctx context.Context) []byte {
	msg, err := c.s.crowd.await(ctx, c.args().Text, max(1, c.args().N))
	if err != nil {
		return nil
	}
	return c.text(msg)
}

// begin answers with a result of the test's choice, in its own time.
func (c *call) begin(ctx context.Context) []byte {
	if _, err := c.s.crowd.await(ctx, c.args().Text, max(1, c.args().N)); err != nil {
		return nil
	}
	return c.s.result(c.m, string(c.args().Params))
}

// followed answers when as many subscriptions as n says name a resource, or ask for the changes of a list.
func (c *call) followed(ctx context.Context) []byte {
	c.s.crowd.awaitFollowed(ctx, c.args().Text, c.args().N)
	return c.structured("null")
}

// times answers with how many messages that hold a text the server has received.
func (c *call) times(context.Context) []byte {
	c.s.crowd.mu.Lock()
	defer c.s.crowd.mu.Unlock()
	n := 0
	for _, msg := range c.s.crowd.received {
		if bytes.Contains(msg, []byte(c.args().Text)) {
			n++
		}
	}
	return c.structured(string(mcp.AppendUint(nil, uint64(n))))
}
