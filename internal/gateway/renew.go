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

// adopt takes over what listeners have subscribed to at an earlier backend of the name.
func (b *backend) adopt(uris map[string]int) {
	if len(uris) == 0 {
		return
	}
	all := b.subs.adopt(uris)
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.primary; l != nil && l.info.Era == mcp.Legacy && !b.closed {
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
	for l := range h.listeners {
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
