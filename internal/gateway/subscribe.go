package gateway

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

// relisten is the pause after a broken subscriptions/listen.
const relisten = time.Second

// subscriptions are what the gateway has asked one backend to tell, on its shared primary link: every
// change of lists, and the resources that listeners subscribed to, each once.
type subscriptions struct {
	b       *backend
	stale   chan struct{} // holds a token when the backend must be listed again
	resub   chan struct{} // holds a token when uris differ from what is listened for
	changes signal        // of uris, and of what was acknowledged

	mu        sync.Mutex
	announced announcement
	uris      map[string]int      // how many listeners want each
	version   int                 // counts changes of uris
	acked     int                 // the version a modern backend has acknowledged
	denied    []string            // of the uris, what it does not honour
	taken     map[string]struct{} // of those that the last acknowledged round named, what it does
	barred    map[string]struct{} // of the uris, for what it may have refused a whole round
	handover  handover            // from one round to the next
	gap       gap                 // where there is none
	refused   bool                // the modern backend does not know subscriptions/listen
}

func (s *subscriptions) init(b *backend) {
	s.b = b
	s.stale = make(chan struct{}, 1)
	s.resub = make(chan struct{}, 1)
	s.uris = make(map[string]int)
}

// listChanged takes a backend's word that a list has changed.
func (s *subscriptions) listChanged(method string) {
	s.mu.Lock()
	for _, k := range catalog.Kinds() {
		if k.Note() == method {
			s.announced[k] = true
		}
	}
	s.mu.Unlock()
	s.refresh()
}

func (s *subscriptions) refresh() { nudge(s.stale) }

// nudge puts a token into a channel that holds one.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// announce has the next listing be told of.
func (s *subscriptions) announce(a announcement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announced.merge(a)
}

func (s *subscriptions) takeAnnounced() announcement {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.announced
	s.announced = announcement{}
	return a
}

// add counts a subscriber of uri. The first one's request goes to the backend, whose refusal, a message of kind
// Error, is returned.
func (s *subscriptions) add(ctx context.Context, l *link, uri string) (*mcp.Message, error) {
	s.mu.Lock()
	s.uris[uri]++
	first := s.uris[uri] == 1
	if first {
		s.version++
	}
	version := s.version
	s.mu.Unlock()
	switch {
	case first:
		nudge(s.resub)
	case l.info.Era == mcp.Legacy:
		return nil, nil
	}
	refusal, err := s.ask(ctx, l, uri, version)
	if err != nil || refusal != nil {
		s.remove(ctx, nil, uri)
	}
	return refusal, err
}

func (s *subscriptions) ask(ctx context.Context, l *link, uri string, version int) (*mcp.Message, error) {
	if l.info.Era == mcp.Modern {
		return nil, s.waitAcked(ctx, uri, version)
	}
	reply, err := s.b.ask(ctx, l, mcp.MethodSubscribe, uriParams(uri))
	if err == nil && reply.Kind == mcp.Error {
		return &reply, nil
	}
	return nil, err
}

func uriParams(uri string) []byte { return append(mcp.Quote([]byte(`{"uri":`), uri), '}') }

func (s *subscriptions) waitAcked(ctx context.Context, uri string, version int) error {
	for {
		next := s.changes.next()
		s.mu.Lock()
		done, refused, denied := s.acked >= version, s.refused, slices.Contains(s.denied, uri)
		s.mu.Unlock()
		if refused {
			return fault.New(fault.Unsupported, "backend %q offers no subscriptions", s.b.name)
		}
		if done && denied {
			return fault.New(fault.NotFound, "backend %q takes no subscription to %s", s.b.name, uri)
		}
		if done {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// remove takes a subscriber away; with the last one the backend is told, if l is not nil.
func (s *subscriptions) remove(ctx context.Context, l *link, uri string) {
	s.mu.Lock()
	s.uris[uri]--
	last, denied := s.uris[uri] <= 0, slices.Contains(s.denied, uri)
	if last {
		delete(s.uris, uri)
		delete(s.barred, uri)
	}
	if last && !denied {
		s.version++
		nudge(s.resub)
	}
	s.mu.Unlock()
	if !last {
		return
	}
	if l != nil && l.info.Era == mcp.Legacy {
		if _, err := s.b.ask(ctx, l, mcp.MethodUnsubscribe, uriParams(uri)); err != nil {
			s.b.log.Debug("unsubscribe failed", "err", err)
		}
	}
}

func (s *subscriptions) wanted() (uris []string, version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for uri := range s.uris {
		if _, barred := s.barred[uri]; !barred {
			uris = append(uris, uri)
		}
	}
	return uris, s.version
}

// keep renews the subscriptions on a link that has just opened, and on a modern one keeps
// listening until ctx ends.
func (s *subscriptions) keep(ctx context.Context, l *link) {
	if l.info.Era == mcp.Modern {
		s.setRefused(false)
		s.unbar()
		s.listen(ctx, l)
		return
	}
	uris, _ := s.wanted()
	s.b.subscribeAll(ctx, l, uris)
}

// subscribed returns what is subscribed to on a link of a session or principal. On a modern client's nothing ever is: it
// listens to what all clients share.
func (l *link) subscribed() []string {
	switch owner := l.key.owner.(type) {
	case *session.Session:
		if who := l.b.g.hub.of(owner); who != nil {
			return who.urisOf(l.subscriptions())
		}
	case principal:
		return l.b.g.hub.urisOf(l.subscriptions())
	}
	return nil
}

// subscriptions returns under which name listeners keep what they have subscribed to on a link.
func (l *link) subscriptions() string {
	switch owner := l.key.owner.(type) {
	case nil:
		return l.b.name
	case principal:
		return ownPrefix + l.b.name + ownPrefix + string(owner)
	}
	return ownPrefix + l.b.name
}

// resubscribe renews the subscriptions on a link that takes the place of a lost one.
func (l *link) resubscribe(ctx context.Context) { l.b.subscribeAll(ctx, l, l.subscribed()) }

// reopen opens a session's own connection again, as soon as the backend is back, unless the session ends before.
func (b *backend) reopen(running context.Context, c *Client) {
	ctx, cancel := context.WithCancel(running)
	defer cancel()
	defer context.AfterFunc(c.Session.Context(), cancel)()
	for try := 1; ctx.Err() == nil; try++ {
		if l, err := b.link(ctx, c); err == nil {
			l.release()
			return
		}
		life.Pause(ctx, retryDelay(try, rand.Float64()))
	}
}
