package gateway

import (
	"bytes"
	"context"
	"sync"
	"time"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream"
)

// affinityIdle is how long a link lives unused when no session ends it.
const affinityIdle = 10 * time.Minute

// linkKey tells the links of one backend apart. owner is nil for those that all clients share.
type linkKey struct {
	era   mcp.Era
	owner any
}

// link is one connection to a backend, from its opening to its end. There may be one for each session of each backend, so
// that it keeps little while it waits.
type link struct {
	key     linkKey
	b       *backend
	client  *Client // whose connection it is; nil if several share it
	sink    linkSink
	conn    upstream.Conn
	caller  upstream.Caller // conn behind its decorators
	info    upstream.Info   // valid once opened
	opened  latch           // falls when open, or when it will never be
	lost    latch           // falls when over
	err     error           // valid once lost
	primary bool
	life    life.Context // of one that is not the primary; ends with its session, if there is one

	errands errands // of legacy clients

	mu          sync.Mutex
	level       mcp.Level // the log level last set on the connection
	missed      mcp.Level // the one that was not taken
	missedUntil time.Time // when that may be asked for again
	users       int
	idle        *time.Timer
	idleSince   time.Time // of one that no session ends
	closing     bool
}

func (b *backend) newLink(key linkKey, owner *Client) *link {
	spec := b.spec.Load()
	l := &link{key: key, b: b, level: mcp.NoLevel, missed: mcp.NoLevel}
	l.sink.l = l
	if _, several := key.owner.(principal); !several {
		l.client = owner
	}
	l.conn = spec.Driver.Connect(b.opening(key, owner), &l.sink)
	l.caller = b.limiter.Wrap(upstream.Timeout(l.conn, b.clock, b.name, spec.RequestTimeout, spec.MaxRequestTime))
	return l
}

// shareCapabilities is what a shared legacy connection declares: whatever some client may be able to
// do. A question reaches a client only if it can be attributed.
const shareCapabilities = `{"roots":{"listChanged":true},"sampling":{},"elicitation":{"form":{},"url":{}}}`

func (b *backend) opening(key linkKey, owner *Client) upstream.Opening {
	spec := b.spec.Load()
	o := upstream.Opening{
		Era:     key.era,
		Version: spec.ProtocolVersion,
		Client:  mcp.ClientMeta{Capabilities: []byte(shareCapabilities), Info: b.g.info},
		Timeout: spec.ConnectionTimeout,
		NextID:  b.g.nextID,
	}
	if owner == nil {
		return o
	}
	o.Client.Capabilities = owner.Meta.Capabilities
	if owner.Era != key.era {
		o.Client.Capabilities = withoutTasks(o.Client.Capabilities)
	}
	if owner.Meta.Info != nil {
		o.Client.Info = owner.Meta.Info
	}
	if o.Version == "" && mcp.EraOf(owner.Meta.Version) == key.era {
		o.Version = owner.Meta.Version
	}
	return o
}

// run opens the link, and returns when it is open or over. ready is called once calls can pass, and has to have opened fall;
// over is called at the end.
func (l *link) run(ctx context.Context, ready func(), over func(error)) {
	upstream.Rest(ctx, l.conn, func(info upstream.Info) {
		info.Hello = l.b.sameHello(info)
		l.info = info
		ready()
	}, func(err error) {
		if err == nil {
			err = fault.New(fault.Unavailable, "the connection was closed")
		}
		l.end(err)
		l.b.g.withdrawFree(l, "")
		over(err)
	})
}

// sameHello returns what the server said of itself when the link was opened, in the memory of the last link to which it said
// the same.
func (b *backend) sameHello(info upstream.Info) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	last := &b.hello[info.Era]
	if !bytes.Equal(*last, info.Hello) {
		*last = info.Hello
	}
	return *last
}

// end tells everybody that the link is over.
func (l *link) end(err error) {
	l.err = err
	l.lost.fall()
	l.opened.fall()
}

// await waits for the link to open.
func (l *link) await(ctx context.Context) error {
	select {
	case <-l.opened.wait():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if l.isLost() {
		return l.b.away(l.err)
	}
	return nil
}

// link returns the connection that a client's call goes through, opened if need be, and marks
// it as used until release.
func (b *backend) link(ctx context.Context, c *Client) (*link, error) {
	primary, err := b.awaitOpen(ctx)
	if err != nil {
		return nil, err
	}
	key := b.keyFor(c, primary.info)
	if key == primary.key {
		return primary, nil
	}
	l, err := b.linkFor(ctx, key, c)
	if err != nil {
		return nil, err
	}
	if l.isOpen() {
		return l, nil
	}
	wait, cancel := b.patience(ctx)
	defer cancel()
	if err := l.await(wait); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// patience bounds the wait for a backend to come up.
func (b *backend) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, b.spec.Load().ConnectionTimeout,
		fault.New(fault.Timeout, "backend %q did not come up in time", b.name).
			WithHint("GET / shows its state; raise its connectionTimeout if it starts slowly"))
}

// awaitOpen returns the primary link once it is open.
func (b *backend) awaitOpen(ctx context.Context) (*link, error) {
	if l := b.primary.Load(); l != nil && !l.isLost() { // as nearly always
		return l, nil
	}
	ctx, cancel := b.patience(ctx)
	defer cancel()
	return b.await(ctx, false)
}

// awaitListed waits until the backend is in the catalog.
func (b *backend) awaitListed(ctx context.Context) error {
	ctx, cancel := b.patience(ctx)
	defer cancel()
	_, err := b.await(ctx, true)
	return err
}

// keyFor decides which connection a client uses, by the eras of both sides and the isolation.
func (b *backend) keyFor(c *Client, info upstream.Info) linkKey {
	key := linkKey{era: b.eraFor(c.Era, info)}
	switch b.isolation(info, key.era) {
	case PerSession:
		key.owner = c.owner()
	case PerPrincipal:
		key.owner = principal(c.Principal)
	}
	return key
}

// eraFor decides in which era clients of an era are served: their own, if the backend speaks it.
func (b *backend) eraFor(era mcp.Era, info upstream.Info) mcp.Era {
	if info.Speaks(era) && b.spec.Load().Era == mcp.NoEra {
		return era
	}
	return info.Era
}

type principal string

type affinity struct{ principal, text string }

func (b *backend) isolation(info upstream.Info, era mcp.Era) Isolation {
	spec := b.spec.Load()
	switch {
	case spec.Isolation != Auto:
		return spec.Isolation
	case !spec.Local && era == mcp.Legacy && (info.Session || info.Era == mcp.Modern):
		return PerSession
	}
	return Shared
}

// owner is what makes a client different from all others.
func (c *Client) owner() any {
	switch {
	case c.Session != nil:
		return c.Session
	case c.Affinity != "":
		return affinity{c.Principal, c.Affinity}
	}
	return c
}

// mark is owner for those who may remember a call for longer than its client is there.
func (c *Client) mark() any {
	if c.Session != nil {
		return c.Session.Mark()
	}
	return c.owner()
}

// linkFor returns the link of a key, started if there is none, and counts its user.
func (b *backend) linkFor(ctx context.Context, key linkKey, c *Client) (*link, error) {
	if l, err := b.tryLink(key, c); l != nil || err != nil { // as nearly always
		return l, err
	}
	return b.awaitRoom(ctx, key, c)
}

// tryLink is linkFor unless the link has to wait for the end of another one: then it returns nothing.
func (b *backend) tryLink(key linkKey, c *Client) (*link, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.links[key]; l != nil && !l.isLost() {
		l.use()
		return l, nil
	}
	if ok, err := b.makeRoom(key); !ok {
		return nil, err
	}
	var owner *Client
	if key.owner != nil {
		owner = b.g.lasting(c)
	}
	l := b.newLink(key, owner)
	l.use()
	if b.closed {
		l.end(errRetired)
		return l, nil
	}
	if s, ok := key.owner.(*session.Session); ok {
		l.life.Follow(s.Context())
	}
	b.links[key] = l
	if key.sessionless() {
		b.sessionless++
	}
	b.group.Go(func() { b.runLink(l) })
	return l, nil
}

// closeLinks opens no more links and waits for the end of those there are.
func (b *backend) closeLinks() {
	b.endLinks()
	b.group.Wait()
}

// endLinks opens no more links and ends those there are. The primary one ends with the backend's context.
func (b *backend) endLinks() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, l := range b.links {
		l.close()
	}
}

// runLink runs a link that is not the primary one. It returns when the link is open, or over.
func (b *backend) runLink(l *link) {
	b.group.Add(1)
	l.run(&l.life, func() { b.group.Go(func() { l.begin(&l.life) }) }, func(err error) {
		defer b.group.Done()
		b.mourn(l, err)
		l.close() // the session must not remember a link that is over
	})
}

// begin lets calls through a link that has opened, and makes good what has come before it.
func (l *link) begin(ctx context.Context) {
	l.openAtLevel(ctx)
	tell := l.successor()
	l.opened.fall()
	l.applyLevel(ctx, l.client) // one set meanwhile found the link not open
	tell()
	l.resubscribe(ctx)
}

// mourn forgets a link that was lost: the next call opens another, or at once who has subscribed to something on it.
func (b *backend) mourn(l *link, err error) {
	b.removeLink(l)
	if l.info.Era != mcp.NoEra && l.client != nil && len(l.subscribed()) > 0 {
		b.group.Go(func() { b.reopen(b.ctx, l.client) })
	}
	if l.life.Err() == nil {
		b.log.Warn("connection lost", "era", l.key.era.String(), "isolated", l.key.owner != nil, "err", loggable(err))
	}
}

// successor returns what tells a session that its own connection to the one backend it talks to has been replaced: the lists
// may be others, and nobody else compares them. It is called before anybody can use the connection, for the first one of a
// session has nothing to tell.
func (l *link) successor() (tell func()) {
	if l.client == nil || l.client.Session == nil || l.key.era != mcp.Legacy {
		return func() {}
	}
	who := l.b.g.hub.of(l.client.Session)
	if who == nil || who.scope.Backend == "" {
		return func() {}
	}
	return func() { who.tell(declared(l.info.Capabilities())) }
}

// declared returns of which lists a backend with these capabilities tells changes.
func declared(capabilities []byte) (a announcement) {
	for _, k := range catalog.Kinds() {
		of := mcp.Member(capabilities, capabilityOf(k))
		a[k] = string(mcp.Member(of, "listChanged")) == "true"
	}
	return a
}

// hasOwn reports whether a client has an open connection of its own that tells of changes by itself.
func (b *backend) hasOwn(c *Client) bool {
	return len(b.openLinks(linkKey{mcp.Legacy, c.owner()})) > 0
}

// dropLinks closes all links but the primary one, after the backend was lost.
func (b *backend) dropLinks() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.links {
		if !b.spec.Load().Local {
			l.close()
		}
	}
}

// close ends a link that is not the primary one.
func (l *link) close() { l.life.End(nil) }

func (l *link) use() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users++
	if l.idle != nil {
		l.idle.Stop()
	}
}

// release ends one use. A link that no session ends is closed when it has been idle for a while, and at
// once when it was for a single request.
func (l *link) release() {
	if l.primary {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users--
	if l.users > 0 {
		return
	}
	switch l.key.owner.(type) {
	case *Client:
		l.close()
	case affinity, principal:
		l.idleSince = time.Now()
		l.idle = time.AfterFunc(affinityIdle, l.closeIfIdle)
	}
}

func (l *link) closeIfIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.users > 0:
	case len(l.subscribed()) > 0:
		l.idle.Reset(affinityIdle)
	default:
		l.close()
	}
}
