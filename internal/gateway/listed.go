package gateway

import (
	"context"
	"errors"
	"strconv"
	"time"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// The bounds of one refresh.
const (
	maxPages    = 1000
	retryList   = 5 * time.Second
	shortestTTL = 5 * time.Second
)

// announcement says which lists a backend has said to have changed.
type announcement [4]bool

// keepListed lists the backend once and again after each sign of change, until ctx ends.
func (b *backend) keepListed(ctx context.Context, l *link) {
	for {
		announced := l.b.subs.takeAnnounced()
		offer, err := b.fetch(ctx, l)
		if err != nil {
			l.b.subs.announce(announced) // nobody has been told
		}
		if ctx.Err() != nil {
			return
		}
		again := b.nextListing(offer, err)
		if err == nil {
			b.publish(offer, announced)
			b.enter(Ready, nil, 0, 0)
		} else {
			b.log.Warn("backend cannot be listed", "err", loggable(err))
			b.enter(Degraded, err, 0, 0)
		}
		if !b.awaitStale(ctx, again) {
			return
		}
	}
}

// awaitStale waits until the backend is to be listed again, after a while at the latest if that is not 0; false means that ctx has
// ended.
func (b *backend) awaitStale(ctx context.Context, while time.Duration) bool {
	var late <-chan time.Time
	if while > 0 {
		timer := time.NewTimer(while)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-b.subs.stale:
	case <-late:
	}
	return true
}

// nextListing returns after what time to list again without being told to, 0 for never.
func (b *backend) nextListing(offer *catalog.Offer, err error) time.Duration {
	switch {
	case err != nil:
		return retryList
	case offer.TTL > 0:
		return max(time.Duration(offer.TTL)*time.Millisecond, shortestTTL)
	}
	return 0
}

func (b *backend) publish(offer *catalog.Offer, announced announcement) {
	b.mu.Lock()
	b.raw = offer
	b.offer = policed(offer, &b.spec.Load().Policy)
	b.mu.Unlock()
	b.g.rebuild(b, announced)
	b.mu.Lock()
	b.heard = true
	b.mu.Unlock()
}

// fetch asks for all lists the backend has.
func (b *backend) fetch(ctx context.Context, l *link) (*catalog.Offer, error) {
	offer := &catalog.Offer{TTL: -1, Public: true}
	capabilities := l.info.Capabilities()
	for _, k := range catalog.Kinds() {
		if !offers(capabilities, k) {
			continue
		}
		if err := b.fetchKind(ctx, l, k, offer); err != nil {
			return nil, err
		}
	}
	offer.TTL = max(offer.TTL, 0)
	if l.labelsArguments() {
		for _, tool := range offer.Bar() {
			b.log.Warn("tool is left out", "tool", tool.Key, "err", tool.Wrong)
		}
	}
	return offer, nil
}

// labelsArguments reports whether tool arguments travel in headers too.
func (l *link) labelsArguments() bool { return l.info.Era == mcp.Modern && !l.b.spec.Load().Local }

func offers(capabilities []byte, k catalog.Kind) bool {
	return mcp.Member(capabilities, capabilityOf(k)) != nil
}

// capabilityOf names the capability that a list belongs to.
func capabilityOf(k catalog.Kind) string {
	switch k {
	case catalog.Tools:
		return "tools"
	case catalog.Prompts:
		return "prompts"
	}
	return "resources"
}

func (b *backend) fetchKind(ctx context.Context, l *link, k catalog.Kind, offer *catalog.Offer) error {
	var cursor []byte
	for range maxPages {
		reply, err := b.ask(ctx, l, k.Method(), pageParams(cursor))
		if err != nil {
			return err
		}
		if reply.Kind == mcp.Error {
			if reply.ErrorCode() == mcp.CodeMethodNotFound {
				return nil
			}
			return fault.New(fault.Unavailable, "it answers %s with an error: %s (code %d)", k.Method(), reply.ErrorMessage(), reply.ErrorCode())
		}
		items, next, dropped, err := catalog.Page(k, reply.Bytes(reply.Result))
		if err != nil {
			return fault.New(fault.Unavailable, "%s", err)
		}
		if dropped > 0 {
			b.log.Warn("list entries without a name are left out", "list", k.String(), "count", dropped)
		}
		offer.Items[k] = append(offer.Items[k], items...)
		noteCaching(offer, &reply)
		if next == nil || string(next) == "null" {
			return nil
		}
		cursor = next
	}
	return fault.New(fault.Unavailable, "its list %s does not end after %d pages", k, maxPages)
}

func pageParams(cursor []byte) []byte {
	if cursor == nil {
		return nil
	}
	return append(append([]byte(`{"cursor":`), cursor...), '}')
}

func noteCaching(offer *catalog.Offer, reply *mcp.Message) {
	ttl, err := strconv.ParseInt(string(reply.Value(mcp.FieldResultTTL)), 10, 64)
	if err != nil {
		ttl = 0
	}
	if offer.TTL < 0 || ttl < offer.TTL {
		offer.TTL = ttl
	}
	if scope, _ := reply.Text(mcp.FieldResultScope); scope != "public" {
		offer.Public = false
	}
}

// ask sends a request of our own.
func (b *backend) ask(ctx context.Context, l *link, method string, params []byte) (mcp.Message, error) {
	return b.askAs(ctx, l, mcp.ClientMeta{Version: l.info.Version, Info: b.g.info}, method, params, upstream.Discard{})
}

// askAs sends a request of our own in the name of a client.
func (b *backend) askAs(ctx context.Context, l *link, meta mcp.ClientMeta, method string, params []byte, up upstream.Sink) (mcp.Message, error) {
	r, err := b.ownRequest(l, meta, method, params)
	if err != nil {
		return mcp.Message{}, err
	}
	caller := l.caller
	if method == mcp.MethodListen {
		caller = l.conn // silence is its nature
	}
	return caller.Call(ctx, r, up)
}

func (b *backend) ownRequest(l *link, meta mcp.ClientMeta, method string, params []byte) (*upstream.Request, error) {
	m, err := mcp.Scan(mcp.AppendRequest(nil, 0, method, params))
	if err != nil {
		return nil, errors.New("own request: " + err.Error())
	}
	rw := mcp.RequestRewrite{ID: b.g.nextID()}
	if l.info.Era == mcp.Modern {
		rw.Relabel = mcp.SetLabels
		rw.Meta = meta
	}
	r := &upstream.Request{ID: rw.ID, Method: method, Body: m.RewriteRequest(nil, rw)}
	if info := mcp.MethodOf(method); info.HasName {
		r.Name, _ = m.Text(info.Subject)
	}
	return r, nil
}
