package gateway

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

const defaultDrain = 30 * time.Second

// settleTime bounds how long a reload waits for what replaces running backends: one that hangs must not
// hold up the rest.
const settleTime = 5 * time.Second

// Gateway is the running whole. Make it with [New].
type Gateway struct {
	opts    Options
	log     *slog.Logger
	info    []byte // our own serverInfo and clientInfo
	cursors *catalog.Cursors
	ids     atomic.Uint64
	current atomic.Pointer[generation]
	hub     hub
	levels  levels
	origins *origins
	owners  *owners
	asks    asks
	bodies  bodies
	parking *parking
	status  signal
	closing chan struct{} // closed when the gateway is being closed

	building sync.Mutex // serializes changes of current
	dirty    atomic.Bool

	running sync.Mutex
	ctx     context.Context // set by Run; backends start under it
	group   sync.WaitGroup
}

// New returns a gateway with its first setup. Nothing starts before [Gateway.Run].
func New(o Options, s Setup) *Gateway {
	if o.Drain <= 0 {
		o.Drain = defaultDrain
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	info := mcp.Quote([]byte(`{"name":"1mcp","version":`), o.Version)
	g := &Gateway{
		opts:    o,
		log:     o.Log,
		info:    append(info, '}'),
		cursors: catalog.NewCursors(key),
		origins: newOrigins(),
		owners:  newOwners(),
		closing: make(chan struct{}),
		parking: newParking(),
	}
	g.hub.listeners = make(map[*listener]struct{})
	next := &generation{setup: s, byName: make(map[string]*backend)}
	for i := range s.Backends {
		next.add(newBackend(g, &s.Backends[i]))
	}
	next.build()
	g.current.Store(next)
	return g
}

// Run keeps the backends connected until ctx ends, and returns when all have been closed. Sessions
// should have ended before.
func (g *Gateway) Run(ctx context.Context) error {
	g.running.Lock()
	g.ctx = ctx
	for _, b := range g.current.Load().order {
		g.start(b)
	}
	g.running.Unlock()
	<-ctx.Done()
	close(g.closing)
	g.awaitApply()
	g.group.Wait()
	g.parking.close()
	return nil
}

// awaitApply returns when no backend will be started any more: an Apply in progress ends with the context.
func (g *Gateway) awaitApply() {
	g.running.Lock()
	defer g.running.Unlock()
}

// start runs a backend until the gateway or the backend's own context ends. The caller holds g.running.
func (g *Gateway) start(b *backend) {
	if g.ctx == nil || g.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(g.ctx)
	b.begin(ctx, cancel)
	g.group.Go(func() { b.run(ctx) })
}

// Apply makes s the setup in force. Backends whose connection part is unchanged go on undisturbed;
// changed ones are opened beside the old, which are closed when their calls have left or the
// drain time has passed. It returns after the swap, for which it waits until each replacement has come up
// or failed once, or a few seconds have passed.
func (g *Gateway) Apply(s Setup) {
	g.running.Lock()
	defer g.running.Unlock()
	old := g.current.Load()
	next := &generation{setup: s, byName: make(map[string]*backend)}
	var replacing []*backend
	for i := range s.Backends {
		spec := &s.Backends[i]
		before := old.byName[spec.Name]
		if before != nil && before.keeps(spec) {
			next.add(before)
			continue
		}
		b := newBackend(g, spec)
		next.add(b)
		g.start(b)
		if before != nil && before.serving() {
			replacing = append(replacing, b)
		}
	}
	g.settle(replacing)
	for i, b := range next.order {
		b.relabel(&s.Backends[i])
	}
	g.swap(next)
	for _, b := range old.order {
		if next.byName[b.name] != b {
			g.retire(b)
		}
	}
	g.status.fire()
}

// settle waits until each backend has come up or failed once.
func (g *Gateway) settle(all []*backend) {
	if len(all) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(g.ctx, settleTime)
	defer cancel()
	for _, b := range all {
		b.settle(ctx)
	}
}

// retire closes a backend that is in no generation any more, after its calls.
func (g *Gateway) retire(b *backend) {
	if g.ctx == nil || g.ctx.Err() != nil {
		return
	}
	g.group.Go(func() {
		drain, cancel := context.WithTimeout(g.ctx, g.opts.Drain)
		defer cancel()
		b.calls.close(drain)
		b.stop()
	})
}

// rebuild merges anew after a backend's lists or its policy changed. Calls
// that come while one builds are served by the next build together. announced says which of the
// backend's lists are to be told of even if they look the same.
func (g *Gateway) rebuild(b *backend, announced announcement) {
	g.hub.announce(b.name, announced)
	g.dirty.Store(true)
	g.building.Lock()
	defer g.building.Unlock()
	if !g.dirty.Swap(false) {
		return
	}
	old := g.current.Load()
	next := old.again()
	g.current.Store(next)
	g.hub.changed(old, next, false)
}

func (g *Gateway) swap(next *generation) {
	g.building.Lock()
	defer g.building.Unlock()
	g.dirty.Store(false)
	old := g.current.Load()
	next.offers = old.offers
	next.build()
	g.current.Store(next)
	g.inherit(old, next)
	g.hub.changed(old, next, true)
}

// Check reports whether a scope makes sense now: its backend exists, or its selector can be read.
func (g *Gateway) Check(s Scope) error {
	gen := g.current.Load()
	if s.Backend != "" {
		_, err := gen.backend(s.Backend)
		return err
	}
	_, err := gen.catalog.View(s.Selector)
	return err
}

// Status returns what is known of each backend, in configuration order.
func (g *Gateway) Status() []Status {
	order := g.current.Load().order
	out := make([]Status, len(order))
	for i, b := range order {
		out[i] = b.Status()
	}
	return out
}

// Changed returns a channel that is closed at the next change of any backend's status.
func (g *Gateway) Changed() <-chan struct{} { return g.status.next() }

func (g *Gateway) nextID() uint64 { return g.ids.Add(1) }

// generation is one immutable picture: the setup, its backends, their catalog.
type generation struct {
	setup   Setup
	order   []*backend
	byName  map[string]*backend
	place   map[string]int // in order, by name
	catalog *catalog.Catalog
	offers  map[string]*catalog.Offer // what each backend has, or had when it was last seen
}

func (n *generation) add(b *backend) {
	n.order = append(n.order, b)
	n.byName[b.name] = b
}

// again returns the generation with a fresh catalog.
func (n *generation) again() *generation {
	next := *n
	next.build()
	return &next
}

func (n *generation) build() {
	members := make([]catalog.Member, len(n.order))
	before := n.offers
	n.offers, n.place = make(map[string]*catalog.Offer, len(n.order)), make(map[string]int, len(n.order))
	for i, b := range n.order {
		n.place[b.name] = i
		members[i] = b.member()
		if n.offers[b.name] = members[i].Offer; members[i].Offer == nil {
			n.offers[b.name] = before[b.name]
		}
	}
	n.catalog = catalog.Build(n.setup.Naming, members, n.setup.Presets)
}

// backend finds a backend that may be talked to.
func (n *generation) backend(name string) (*backend, error) {
	b := n.byName[name]
	if b == nil || b.spec.Load().Disabled {
		return nil, fault.New(fault.NotFound, "there is no server %q here", name).WithHint(`the configuration names them under "mcpServers", GET / lists them`)
	}
	return b, nil
}

// signal wakes everybody who waits for the next change.
type signal struct {
	mu sync.Mutex
	ch chan struct{} // nil: nobody waits
}

func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
