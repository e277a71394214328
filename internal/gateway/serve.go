package gateway

import (
	"context"
	"errors"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

// Serve answers a request of a client, any but initialize. It blocks until the final answer is there; what comes
// before goes to st. m must stay as it is until Serve returns. The error is a *fault.Error, or has
// session.ErrCancelled in its chain when the client cancelled the request: then nothing is answered.
func (g *Gateway) Serve(ctx context.Context, c *Client, m *mcp.Message, st Stream) (Answer, error) {
	if c.Session != nil {
		inflight, err := c.Session.Begin(ctx, m.IDBytes())
		if err != nil {
			return Answer{}, err
		}
		defer inflight.Finish()
		ctx = inflight.Context()
	}
	if removed(m.Method, c.Era) {
		return Answer{}, noMethod(m.Method)
	}
	k := &call{g: g, gen: g.current.Load(), c: c, m: m, st: st}
	for {
		a, err := k.route(ctx)
		if !k.rerouted(err) {
			return a, err
		}
	}
}

func (k *call) route(ctx context.Context) (Answer, error) {
	if k.c.Scope.Backend != "" {
		return k.direct(ctx)
	}
	return k.merged(ctx)
}

// rerouted reports whether a call is to be tried again: it found a backend in a generation that was replaced, and came when
// that backend had been closed. Nothing has been sent of such a call.
func (k *call) rerouted(err error) bool {
	if !errors.Is(err, errRetired) {
		return false
	}
	before := k.gen
	k.gen = k.g.current.Load()
	return k.gen != before
}

// removed reports whether an era does not have one of the other era's methods that are ours to answer.
func removed(method string, era mcp.Era) bool {
	switch method {
	case mcp.MethodPing, mcp.MethodSetLevel, mcp.MethodSubscribe, mcp.MethodUnsubscribe, mcp.MethodInitialize:
		return era == mcp.Modern
	case mcp.MethodDiscover, mcp.MethodListen:
		return era == mcp.Legacy
	}
	return false
}

func noMethod(name string) *fault.Error {
	return fault.New(fault.Unsupported, "Method not found: %s", name)
}

// merged serves the endpoint that holds all backends.
func (k *call) merged(ctx context.Context) (Answer, error) {
	view, err := k.gen.catalog.View(k.c.Scope.Selector)
	if err != nil {
		return Answer{}, err
	}
	if kind, ok := catalog.KindOf(k.m.Method); ok {
		return k.list(view, kind), nil
	}
	switch k.m.Method {
	case mcp.MethodToolsCall:
		return k.byName(ctx, view, catalog.Tools)
	case mcp.MethodPromptsGet:
		return k.byName(ctx, view, catalog.Prompts)
	case mcp.MethodResourcesRead:
		return k.byURI(ctx, view)
	case mcp.MethodComplete:
		return k.complete(ctx, view)
	case mcp.MethodPing:
		return k.result([]byte(`{}`)), nil
	case mcp.MethodDiscover:
		return k.result(k.mergedDiscovery(view)), nil
	case mcp.MethodListen:
		return k.listen(ctx)
	case mcp.MethodSetLevel:
		return k.setLevel(ctx, k.shown(view))
	case mcp.MethodSubscribe, mcp.MethodUnsubscribe:
		return k.subscription(ctx, view)
	case mcp.MethodTasksList:
		return k.listTasks(ctx, view)
	case mcp.MethodTasksGet, mcp.MethodTasksResult, mcp.MethodTasksCancel, mcp.MethodTasksUpdate:
		return k.byTask(ctx, view)
	}
	return Answer{}, noMethod(k.m.Method)
}

// byTask routes a request about a task to the backend that has it.
func (k *call) byTask(ctx context.Context, view *catalog.View) (Answer, error) {
	id, _ := k.m.Text(mcp.FieldTaskID)
	if b := k.taskOwner(view, id); b != nil {
		return k.forwardTask(ctx, target{b: b})
	}
	return Answer{}, noTask(id)
}

// taskOwner returns the backend of one of the caller's tasks, or nil.
func (k *call) taskOwner(view *catalog.View, id string) *backend {
	name, _ := k.g.owners.taskOwner(k.c, id)
	return k.named(view, name)
}

// named returns a backend of the view, or nil.
func (k *call) named(view *catalog.View, name string) *backend {
	if i, ok := k.gen.place[name]; ok && view.Shows(i) {
		return k.gen.order[i]
	}
	return nil
}

// shown returns the backends of a view.
func (k *call) shown(view *catalog.View) (out []*backend) {
	for i, b := range k.gen.order {
		if view.Shows(i) {
			out = append(out, b)
		}
	}
	return out
}

// byName routes tools/call and prompts/get.
func (k *call) byName(ctx context.Context, view *catalog.View, kind catalog.Kind) (Answer, error) {
	name := k.m.Plain(mcp.FieldName)
	route, found := view.ResolveText(kind, name)
	if name == nil || !found { // hardly ever
		text, ok := k.m.Text(mcp.FieldName)
		if !ok {
			return k.refuse(mcp.CodeInvalidParams, "params.name must be a string"), nil
		}
		var err error
		if route, err = k.find(ctx, view, kind, text); err != nil {
			return Answer{}, err
		}
	}
	t := target{b: k.gen.order[route.Member], name: route.Key, params: route.Params}
	if kind == catalog.Tools && k.m.Has(mcp.FieldTask) && k.offersTasks() {
		if err := k.checkTaskCall(ctx, t); err != nil {
			return Answer{}, err
		}
	}
	return k.forward(ctx, t)
}

// find resolves a merged name.
func (k *call) find(ctx context.Context, view *catalog.View, kind catalog.Kind, name string) (catalog.Route, error) {
	if route, found := view.Resolve(kind, name); found { // as nearly always
		return route, nil
	}
	return k.findLate(ctx, view, kind, name)
}

// findLate resolves a name that the catalog does not have yet. One that claims a backend which has not come up waits for
// that one; any other, for those that start.
func (k *call) findLate(ctx context.Context, view *catalog.View, kind catalog.Kind, name string) (route catalog.Route, err error) {
	found := false
	look := func(view *catalog.View) bool {
		route, found = view.Resolve(kind, name)
		return found
	}
	if member, _ := view.Claimant(name); member < 0 {
		k.search(ctx, look)
	} else if err := k.awaitClaimed(ctx, k.gen.order[member], look); err != nil {
		return route, err
	}
	if !found {
		return route, unknown(kind, name)
	}
	return route, nil
}

// awaitClaimed looks again when a backend that was not ready is in the catalog.
func (k *call) awaitClaimed(ctx context.Context, b *backend, look func(*catalog.View) bool) error {
	if b.Status().State == Ready {
		return nil
	}
	if err := b.awaitListed(ctx); err != nil {
		return err
	}
	k.gen = k.g.current.Load()
	view, err := k.gen.catalog.View(k.c.Scope.Selector)
	if err == nil {
		look(view)
	}
	return err
}

// byURI routes resources/read: by the lists and templates, then by who showed the uri to this caller.
func (k *call) byURI(ctx context.Context, view *catalog.View) (Answer, error) {
	uri, ok := k.m.Text(mcp.FieldURI)
	if !ok {
		return k.refuse(mcp.CodeInvalidParams, "params.uri must be a string"), nil
	}
	b := k.resourceOwner(ctx, view, uri)
	if b == nil {
		return Answer{}, unknown(catalog.Resources, uri)
	}
	return k.forward(ctx, target{b: b})
}

// resourceOwner returns the backend that has a resource, or nil.
func (k *call) resourceOwner(ctx context.Context, view *catalog.View, uri string) *backend {
	if b := k.resourceOf(view, uri); b != nil {
		return b
	}
	return k.lateResourceOwner(ctx, uri)
}

func (k *call) lateResourceOwner(ctx context.Context, uri string) (b *backend) {
	k.search(ctx, func(view *catalog.View) bool {
		b = k.resourceOf(view, uri)
		return b != nil
	})
	return b
}

func (k *call) resourceOf(view *catalog.View, uri string) *backend {
	if member, ok := view.ResolveURI(uri); ok {
		return k.gen.order[member]
	}
	name, _ := k.g.origins.of(k.c, uri)
	return k.named(view, name)
}

// complete routes completion/complete by what its ref names.
func (k *call) complete(ctx context.Context, view *catalog.View) (Answer, error) {
	ref := k.m.Value(mcp.FieldRef)
	if name, ok := mcp.Unquote(mcp.Member(ref, "name")); ok {
		route, err := k.find(ctx, view, catalog.Prompts, name)
		if err != nil {
			return Answer{}, err
		}
		return k.forward(ctx, target{b: k.gen.order[route.Member], refName: route.Key})
	}
	uri, ok := mcp.Unquote(mcp.Member(ref, "uri"))
	if !ok {
		return k.refuse(mcp.CodeInvalidParams, "params.ref must have a name or a uri"), nil
	}
	member := -1
	k.search(ctx, func(view *catalog.View) bool {
		member, _ = view.ResolveTemplate(uri)
		return member >= 0
	})
	if member < 0 {
		return Answer{}, unknown(catalog.Resources, uri)
	}
	return k.forward(ctx, target{b: k.gen.order[member]})
}

// direct serves the endpoint of one backend.
func (k *call) direct(ctx context.Context) (Answer, error) {
	b, err := k.gen.backend(k.c.Scope.Backend)
	if err != nil {
		return Answer{}, err
	}
	switch k.m.Method {
	case mcp.MethodPing:
		return k.result([]byte(`{}`)), nil
	case mcp.MethodDiscover:
		return k.directDiscovery(ctx, b)
	case mcp.MethodListen:
		return k.listen(ctx)
	case mcp.MethodSetLevel:
		return k.setLevel(ctx, []*backend{b})
	case mcp.MethodSubscribe, mcp.MethodUnsubscribe:
		return k.subscriptionTo(ctx, b)
	case mcp.MethodToolsCall:
		return k.directTool(ctx, b)
	}
	if aboutTasks(k.m.Method) {
		return k.forwardTask(ctx, target{b: b})
	}
	return k.forward(ctx, target{b: b})
}

func (k *call) directTool(ctx context.Context, b *backend) (Answer, error) {
	name, _ := k.m.Text(mcp.FieldName)
	params, barred := b.paramsOf(name)
	if barred || !b.spec.Load().Policy.Admits(name) {
		return Answer{}, unknown(catalog.Tools, name)
	}
	return k.forward(ctx, target{b: b, params: params})
}

// paramsOf returns the header marks of a tool, from the last listing, or that it must not be called.
func (b *backend) paramsOf(tool string) (params []mcp.ParamHeader, barred bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.offer == nil {
		return nil, false
	}
	return b.offer.ParamsOf(tool)
}

// taskOnly reports whether a tool can be called as a task only.
func (b *backend) taskOnly(tool string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.offer != nil && b.offer.TaskOnly(tool)
}

// Notify takes a client's notification.
func (g *Gateway) Notify(ctx context.Context, c *Client, m *mcp.Message) {
	switch m.Method {
	case mcp.NoteCancelled:
		if c.Session != nil {
			c.Session.Cancel(m.Value(mcp.FieldRequestID))
		}
		return
	case mcp.NoteInitialized:
		return
	case mcp.NoteProgress:
		if l, body := g.askProgress(c, m); l != nil {
			g.pass(ctx, l, m.Method, body)
		}
		return
	}
	gen := g.current.Load()
	for _, b := range gen.order {
		if c.Scope.Backend != "" && c.Scope.Backend != b.name {
			continue
		}
		for _, l := range b.notable(c) {
			g.pass(ctx, l, m.Method, m.Raw)
		}
	}
}

// pass sends a client's notification to a backend.
func (g *Gateway) pass(ctx context.Context, l *link, method string, body []byte) {
	if err := l.conn.Notify(ctx, body); err != nil {
		l.b.log.Debug("notification was not taken", "method", method, "err", err)
	}
}

// notable returns the links a client's own notification goes to: its own connection or, if it has none, on the endpoint of
// one backend the shared one.
func (b *backend) notable(c *Client) []*link {
	for _, owner := range [...]any{c.owner(), principal(c.Principal)} {
		if own := b.openLinks(linkKey{c.Era, owner}); own != nil {
			return own
		}
	}
	if c.Scope.Backend == "" {
		return nil
	}
	return b.openLinks(linkKey{era: c.Era})
}
