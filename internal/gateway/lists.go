package gateway

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

// list answers one of the four lists from memory.
func (k *call) list(view *catalog.View, kind catalog.Kind) Answer {
	offset := 0
	size := k.gen.setup.PageSize
	if k.m.Has(mcp.FieldCursor) {
		cursor, _ := k.m.Text(mcp.FieldCursor)
		var ok bool
		if offset, ok = k.g.cursors.Read(kind, k.c.Scope.Selector, cursor); !ok || offset > view.Len(kind) {
			return k.refuse(mcp.CodeInvalidParams, "the cursor is not one of this list's (begin again without a cursor)")
		}
	}
	text, more := view.List(kind, k.c.Era, offset, size)
	body := make([]byte, 0, len(text)+256)
	body = append(append(body, `{"jsonrpc":"2.0","id":`...), k.m.IDBytes()...)
	body = append(body, `,"result":{`...)
	if k.c.Era == mcp.Modern {
		body = k.appendModern(body, view)
	}
	body = append(body, text...)
	if more {
		body = append(body, `,"nextCursor":`...)
		body = mcp.Quote(body, k.g.cursors.Make(kind, k.c.Scope.Selector, offset+size))
	}
	return Answer{Body: append(body, '}', '}')}
}

// appendModern appends what every modern list result carries, with a comma behind.
func (k *call) appendModern(body []byte, view *catalog.View) []byte {
	ttl, public := view.Caching()
	scope := "private"
	if public {
		scope = "public"
	}
	body = append(body, `"resultType":"complete","ttlMs":`...)
	body = strconv.AppendInt(body, ttl, 10)
	body = append(append(append(body, `,"cacheScope":"`...), scope...), `","_meta":{"`+mcp.MetaServerInfo+`":`...)
	return append(append(body, k.g.info...), `},`...)
}

// subscription routes resources/subscribe and unsubscribe on the merged endpoint.
func (k *call) subscription(ctx context.Context, view *catalog.View) (Answer, error) {
	uri, _ := k.m.Text(mcp.FieldURI)
	b := k.resourceOwner(ctx, view, uri)
	if b == nil {
		return Answer{}, unknown(catalog.Resources, uri)
	}
	return k.subscriptionTo(ctx, b)
}

// subscriptionTo serves resources/subscribe and unsubscribe: on a connection of the client's own it passes,
// on a shared one subscribers are counted.
func (k *call) subscriptionTo(ctx context.Context, b *backend) (Answer, error) {
	uri, ok := k.m.Text(mcp.FieldURI)
	if !ok {
		return k.refuse(mcp.CodeInvalidParams, "params.uri must be a string"), nil
	}
	own, err := b.link(ctx, k.c)
	if err != nil {
		return Answer{}, err
	}
	defer own.release()
	listener := k.g.hub.of(k.c.Session)
	if listener == nil {
		return Answer{}, errNoListener
	}
	if own.key.owner != nil && own.info.Era == mcp.Legacy {
		return k.ownSubscription(ctx, own, listener, uri)
	}
	return k.sharedSubscription(ctx, b, listener, uri)
}

func (k *call) ownSubscription(ctx context.Context, own *link, l *listener, uri string) (Answer, error) {
	if k.m.Method == mcp.MethodUnsubscribe {
		l.unsubscribe(uri)
		if own.client == nil && slices.Contains(own.subscribed(), uri) { // by another client of this connection
			return k.result([]byte(`{}`)), nil
		}
		return k.forward(ctx, target{b: own.b})
	}
	first, err := l.subscribe(uri, own.subscriptions())
	if err != nil {
		return Answer{}, err
	}
	a, err := k.forward(ctx, target{b: own.b})
	if first && (err != nil || a.Code != 0) {
		l.unsubscribe(uri)
	}
	return a, err
}

// ownPrefix marks a subscription that lives on a connection that not all clients share: only what comes from there
// counts.
const ownPrefix = "\x00"

func (k *call) sharedSubscription(ctx context.Context, b *backend, l *listener, uri string) (Answer, error) {
	if k.m.Method == mcp.MethodUnsubscribe {
		return k.result([]byte(`{}`)), k.g.unsubscribe(ctx, l, b.name, uri)
	}
	_, refusal, err := k.g.subscribe(ctx, l, b.name, uri)
	if refusal != nil {
		return Answer{Body: refusal.RewriteResult(nil, mcp.ResultRewrite{ID: k.m.IDBytes()}), Code: refusal.ErrorCode()}, nil
	}
	return k.result([]byte(`{}`)), err
}

// ErrClosing is the cause with which a front ends the context of a subscriptions/listen that is to end in order, with a
// result.
var ErrClosing = fault.New(fault.Unavailable, "the gateway is shutting down")

// listen serves a modern client's subscriptions/listen until its request or the gateway ends.
func (k *call) listen(ctx context.Context) (Answer, error) {
	filter := k.m.Value(mcp.FieldNotifications)
	wants := func(name string) bool { return string(mcp.Member(filter, name)) == "true" }
	resources := wants("resourcesListChanged")
	l := &listener{
		scope: k.c.Scope,
		wants: announcement{catalog.Tools: wants("toolsListChanged"), catalog.Prompts: wants("promptsListChanged"), catalog.Resources: resources, catalog.Templates: resources},
		tag:   append([]byte(nil), k.m.IDBytes()...),
		send:  k.send,

		opening: true,
	}
	uris := mcp.Elements(mcp.Member(filter, "resourceSubscriptions"))
	tasks := mcp.Elements(mcp.Member(filter, "taskIds"))
	if err := checkSubscriptions(slices.Concat(uris, tasks)); err != nil {
		return Answer{}, err
	}
	k.g.hub.add(l)
	defer k.unfollow(l)
	honoured := k.follow(ctx, l, uris)
	var watches sync.WaitGroup
	defer watches.Wait()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	watched := k.watchTasks(watching, l, tasks, &watches)
	if err := l.acknowledge(acknowledgement(l, honoured, watched)); err != nil {
		return Answer{}, err
	}
	select {
	case <-ctx.Done():
		if cause := context.Cause(ctx); !errors.Is(cause, ErrClosing) {
			return Answer{}, cause
		}
	case <-k.g.closing:
	}
	result := append([]byte(`{"resultType":"complete","_meta":{"`+mcp.MetaSubscription+`":`), l.tag...)
	return k.result(append(result, '}', '}')), nil
}

func checkSubscriptions(uris [][]byte) error {
	for i, raw := range uris {
		uri, _ := mcp.Unquote(raw)
		if err := subscribable(i+1, uri); err != nil {
			return err
		}
	}
	return nil
}

// follow subscribes to the resources a listener names and returns those that could be, raw.
func (k *call) follow(ctx context.Context, l *listener, uris [][]byte) (honoured [][]byte) {
	for _, raw := range uris {
		uri, _ := mcp.Unquote(raw)
		b := k.followed(ctx, uri)
		if b == nil {
			continue
		}
		first, refusal, err := k.g.subscribe(ctx, l, b.name, uri) // what is too much has been refused
		if first && refusal == nil && err == nil {
			honoured = append(honoured, raw)
		}
	}
	return honoured
}

func (k *call) followed(ctx context.Context, uri string) *backend {
	if k.c.Scope.Backend != "" {
		return k.gen.byName[k.c.Scope.Backend]
	}
	view, err := k.gen.catalog.View(k.c.Scope.Selector)
	if err != nil {
		return nil
	}
	return k.resourceOwner(ctx, view, uri)
}

func (k *call) unfollow(l *listener) {
	k.g.hub.remove(l)
	k.g.forget(l)
}

// forget gives up a listener's subscriptions on shared connections.
func (g *Gateway) forget(l *listener) {
	l.mu.Lock()
	uris := l.uris
	l.uris = nil
	l.mu.Unlock()
	gen := g.current.Load()
	for uri, name := range uris {
		if b := gen.byName[name]; b != nil {
			b.forgetURI(uri)
		}
	}
}

// forgetURI takes one subscriber away and tells the backend in the background.
func (b *backend) forgetURI(uri string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.primary.Load()
	if b.closed || l == nil {
		b.subs.remove(context.Background(), nil, uri)
		return
	}
	b.group.Go(func() {
		ctx, cancel := context.WithTimeout(b.ctx, setLevelTime)
		defer cancel()
		b.subs.remove(ctx, l, uri)
	})
}

func acknowledgement(l *listener, uris, tasks [][]byte) []byte {
	p := []byte(`{"notifications":{`)
	for _, want := range []struct {
		name string
		yes  bool
	}{
		{"toolsListChanged", l.wants[catalog.Tools]},
		{"promptsListChanged", l.wants[catalog.Prompts]},
		{"resourcesListChanged", l.wants[catalog.Resources]},
	} {
		if want.yes {
			p = append(append(append(p, '"'), want.name...), `":true,`...)
		}
	}
	for _, list := range []struct {
		name string
		raw  [][]byte
	}{{"resourceSubscriptions", uris}, {"taskIds", tasks}} {
		if len(list.raw) > 0 {
			p = append(append(append(p, '"'), list.name...), `":[`...)
			p = append(append(p, bytes.Join(list.raw, []byte{','})...), ']', ',')
		}
	}
	if p[len(p)-1] == ',' {
		p = p[:len(p)-1]
	}
	p = append(append(p, `},"_meta":{"`+mcp.MetaSubscription+`":`...), l.tag...)
	return mcp.AppendNotification(nil, mcp.NoteAcknowledged, append(p, '}', '}'))
}
