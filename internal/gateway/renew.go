package gateway

import (
	"context"
	"strings"

	"onemcp/internal/mcp"
)

// A subscription outlives the connection it was made on: it is made again on the next one, and on that of the backend
// that a reload puts in the place of the old one.

// subscribeAll makes subscriptions on a legacy link.
func (b *backend) subscribeAll(ctx context.Context, l *link, uris []string) {
	for _, uri := range uris {
		if reply, err := b.ask(ctx, l, mcp.MethodSubscribe, uriParams(uri)); err != nil || reply.Kind == mcp.Error {
			b.log.Warn("subscription could not be renewed", "err", loggable(err), "code", reply.ErrorCode())
		}
	}
}

// subscribe has a listener follow a resource of a backend on the connection that all share; first is false if it does
// already. A backend's refusal, a message of kind Error, is returned.
func (g *Gateway) subscribe(ctx context.Context, l *listener, backend, uri string) (first bool, refusal *mcp.Message, err error) {
	b, first, err := g.enrol(l, backend, uri)
	if err != nil || !first {
		return first, nil, err
	}
	refusal, err = b.subscribe(ctx, uri)
	if err == nil && refusal == nil {
		return true, nil, nil
	}
	if now := g.current.Load().byName[backend]; err != nil && now != nil && now != b {
		return true, nil, nil // its successor has taken the subscription over
	}
	g.strikeOff(l, b, uri)
	return true, refusal, err
}

// enrol notes a subscription with a backend that is in force. A reload is either before or after it, and then has the
// successor adopt what is noted.
func (g *Gateway) enrol(l *listener, backend, uri string) (b *backend, first bool, err error) {
	g.building.Lock()
	defer g.building.Unlock()
	if b, err = g.current.Load().backend(backend); err != nil {
		return nil, false, err
	}
	first, err = l.subscribe(uri, b.name)
	return b, first, err
}

func (b *backend) subscribe(ctx context.Context, uri string) (refusal *mcp.Message, err error) {
	primary, err := b.awaitOpen(ctx)
	if err != nil {
		return nil, err
	}
	return b.subs.add(ctx, primary, uri)
}

// strikeOff takes back a subscription that a backend did not take, also at a successor.
func (g *Gateway) strikeOff(l *listener, b *backend, uri string) {
	g.building.Lock()
	defer g.building.Unlock()
	_, had := l.unsubscribe(uri)
	if now := g.current.Load().byName[b.name]; had && now != nil && now != b {
		now.forgetURI(uri)
	}
}

// unsubscribe undoes [Gateway.subscribe].
func (g *Gateway) unsubscribe(ctx context.Context, l *listener, backend, uri string) error {
	g.building.Lock()
	b, err := g.current.Load().backend(backend)
	_, had := l.unsubscribe(uri)
	g.building.Unlock()
	if err != nil || !had {
		return err
	}
	primary, err := b.awaitOpen(ctx)
	if err != nil {
		b.forgetURI(uri) // it will not be asked again
		return nil
	}
	b.subs.remove(ctx, primary, uri)
	return nil
}

// adopt takes over what listeners have subscribed to at an earlier backend of the name.
func (b *backend) adopt(uris map[string]int) {
	if len(uris) == 0 {
		return
	}
	all := b.subs.adopt(uris)
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.primary.Load(); l != nil && l.info.Era == mcp.Legacy && !b.closed {
		b.group.Go(func() { b.subscribeAll(b.ctx, l, all) })
	} // else the link asks for all when it opens
}

func (s *subscriptions) adopt(uris map[string]int) (all []string) {
	s.mu.Lock()
	for uri, n := range uris {
		s.uris[uri] += n
		all = append(all, uri)
	}
	s.version++
	s.mu.Unlock()
	nudge(s.resub)
	return all
}

// inherit gives the new backends of a generation the subscriptions that are theirs by name.
func (g *Gateway) inherit(old, next *generation) {
	for _, b := range next.order {
		if old.byName[b.name] == b {
			continue
		}
		shared, own := g.hub.followers(b.name)
		b.adopt(shared)
		for _, c := range own {
			b.regain(c)
		}
	}
}

// regain opens a session's own connection for the sake of its subscriptions, in the background.
func (b *backend) regain(c *Client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if life := b.ctx; !b.closed && life != nil {
		b.group.Go(func() { b.reopen(life, c) })
	}
}

// followers returns what is subscribed to at a backend on its shared connection, and how often, and the clients
// who have subscriptions on a connection of their own.
func (h *hub) followers(backend string) (shared map[string]int, own []*Client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	shared = make(map[string]int)
	for l := range h.all {
		for _, uri := range l.urisOf(backend) {
			shared[uri]++
		}
		if l.client != nil && len(l.urisOf(ownPrefix+backend)) > 0 {
			own = append(own, l.client)
		}
	}
	return shared, own
}

// isPart reports whether uri is a resource, or what lies within it.
func isPart(uri, of string) bool {
	rest, ok := strings.CutPrefix(uri, of)
	return ok && of != "" && (rest == "" || strings.HasSuffix(of, "/") || strings.ContainsRune("/?#", rune(rest[0])))
}
