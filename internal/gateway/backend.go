package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// The retry of a lost backend: exponential with jitter, for as long as it is configured.
const (
	firstRetry   = 500 * time.Millisecond
	longestRetry = time.Minute
	soon         = 3 * time.Second // a call waits for a retry that is no further off
	healthyAfter = 30 * time.Second
)

// backend keeps one MCP server connected. Its primary link, which is shared and of the era that the server
// prefers, is opened at once and feeds the catalog; others are opened on first use.
type backend struct {
	g       *Gateway
	name    string
	log     *slog.Logger
	spec    atomic.Pointer[Spec]
	limiter *upstream.Limiter
	clock   *upstream.Clock
	made    time.Time
	calls   tally
	subs    subscriptions
	changes signal               // of state and links
	room    signal               // when a link other than the primary has ended
	primary atomic.Pointer[link] // nil unless ready; changes under mu

	cancel context.CancelFunc // nil until begun
	group  sync.WaitGroup     // links other than the primary

	mu          sync.Mutex
	ctx         context.Context
	state       State
	err         error
	attempts    int
	retryAt     time.Time
	links       map[linkKey]*link
	sessionless int                    // of the links, those of clients without a session
	closed      bool                   // no link is opened any more
	era         mcp.Era                // remembered from the last opening
	eras        []mcp.Era              // likewise: those of clients that reach it without a bridge
	hello       [mcp.Modern + 1][]byte // what the server said of itself last, by era
	raw         *catalog.Offer         // as listed; nil until first listed
	offer       *catalog.Offer         // after policy
	heard       bool                   // the catalog has had its lists
}

func newBackend(g *Gateway, spec *Spec) *backend {
	b := &backend{
		g:       g,
		name:    spec.Name,
		log:     g.log.With("backend", spec.Name),
		limiter: upstream.NewLimiter(spec.MaxConcurrency),
		clock:   upstream.NewClock(),
		links:   make(map[linkKey]*link),
		made:    time.Now(),
		state:   Starting,
		era:     spec.Era,
	}
	b.subs.init(b)
	b.spec.Store(spec)
	switch {
	case spec.Disabled:
		b.state = Disabled
	case spec.Failed != nil:
		b.state, b.err = Failed, spec.Failed
	}
	return b
}

// keeps reports whether the running backend can serve under another spec.
func (b *backend) keeps(spec *Spec) bool {
	was := b.spec.Load()
	return was.Identity == spec.Identity && was.Disabled == spec.Disabled && (was.Failed == nil) == (spec.Failed == nil) && spec.Failed == nil
}

// relabel puts a new policy in force.
func (b *backend) relabel(spec *Spec) {
	b.spec.Store(spec)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.raw != nil {
		b.offer = policed(b.raw, &spec.Policy)
	}
}

func policed(raw *catalog.Offer, p *catalog.Policy) *catalog.Offer {
	offer := *raw
	offer.Items[catalog.Tools] = p.Apply(raw.Items[catalog.Tools])
	offer.Index()
	return &offer
}

func (b *backend) member() catalog.Member {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := catalog.Member{Name: b.name, Tags: b.spec.Load().Tags, Eras: b.eras, Offer: b.offer}
	if b.state == Disabled || b.state == Failed {
		m.Offer = nil
	}
	return m
}

func (b *backend) begin(ctx context.Context, cancel context.CancelFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ctx, b.cancel = ctx, cancel
}

// stop ends the backend; its run returns after everything is closed.
func (b *backend) stop() {
	b.mu.Lock()
	cancel := b.cancel
	b.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// run connects and reconnects until ctx ends.
func (b *backend) run(ctx context.Context) {
	defer b.changes.fire() // for those who wait
	defer b.stop()
	if b.is(Disabled) || b.is(Failed) {
		return
	}
	defer b.closeLinks()
	defer life.AfterFunc(ctx, b.endLinks)()
	for try := 1; ctx.Err() == nil; try++ {
		b.enter(Starting, nil, try, 0)
		began := time.Now()
		err := b.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > healthyAfter {
			try = 1
		}
		delay := retryDelay(try, rand.Float64())
		b.enter(Backoff, err, try, delay)
		b.log.Warn("backend is away", "err", loggable(err), "retryIn", delay.Round(time.Millisecond).String(), "attempt", try)
		b.dropLinks()
		life.Pause(ctx, delay)
	}
}

// loggable returns what slog shows in full.
func loggable(err error) any {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	return err
}

// retryDelay returns how long to wait after the n-th failure in a row; luck is in [0, 1).
func retryDelay(n int, luck float64) time.Duration {
	d := longestRetry
	if n < 8 {
		d = min(firstRetry<<(n-1), longestRetry)
	}
	return d/2 + time.Duration(luck*float64(d/2))
}

// connect opens the primary link and keeps the catalog fed until the link is lost. What opens it is over when it is open, unless
// the link itself needs a goroutine.
func (b *backend) connect(ctx context.Context) error {
	l := b.newLink(linkKey{era: b.lastEra()}, nil)
	l.primary = true
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan error, 1)
	ready := func() {
		b.setPrimary(l)
		l.opened.fall()
	}
	var feed sync.WaitGroup
	feed.Go(func() {
		l.run(ctx, ready, func(err error) {
			cancel()
			over <- err
		})
	})
	if <-l.opened.wait(); !l.isLost() {
		feed.Go(func() { l.applyLevel(ctx, nil) })
		feed.Go(func() { b.subs.keep(ctx, l) })
		b.keepListed(ctx, l)
	}
	err := <-over
	b.clearPrimary(l)
	feed.Wait()
	if errors.Is(err, upstream.LateProbe{}) || l.info.Era == mcp.NoEra {
		b.forgetEra() // what was remembered may be what went wrong
	}
	return err
}

func (b *backend) lastEra() mcp.Era {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.era
}

func (b *backend) forgetEra() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.era = b.spec.Load().Era
}

func (b *backend) setPrimary(l *link) {
	b.mu.Lock()
	b.era = l.info.Era
	b.eras = slices.DeleteFunc([]mcp.Era{mcp.Legacy, mcp.Modern}, func(era mcp.Era) bool { return b.eraFor(era, l.info) != era })
	l.key.era = l.info.Era
	b.links[l.key] = l
	b.primary.Store(l)
	b.mu.Unlock()
	b.changes.fire()
}

func (b *backend) clearPrimary(l *link) {
	b.mu.Lock()
	b.primary.CompareAndSwap(l, nil)
	if b.links[l.key] == l {
		delete(b.links, l.key)
	}
	b.mu.Unlock()
}

func (b *backend) enter(s State, err error, attempts int, delay time.Duration) {
	b.mu.Lock()
	same := b.state == s && b.attempts == attempts
	b.state, b.attempts, b.retryAt = s, attempts, time.Now().Add(delay)
	if err != nil || s == Ready {
		b.err = err
	}
	b.mu.Unlock()
	if same {
		return
	}
	b.changes.fire()
	b.g.status.fire()
}

func (b *backend) is(s State) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state == s
}

func (b *backend) serving() bool { return b.is(Ready) || b.is(Degraded) }

// settle waits until the backend has come up or failed once.
func (b *backend) settle(ctx context.Context) {
	if ctx == nil {
		return
	}
	for {
		next := b.changes.next()
		if !b.is(Starting) {
			return
		}
		select {
		case <-next:
		case <-ctx.Done():
			return
		}
	}
}

// await returns the primary link, for which it waits while it may still come: during an opening, and
// during a pause that is short. listed asks for the lists to be in the catalog too.
func (b *backend) await(ctx context.Context, listed bool) (*link, error) {
	for {
		next := b.changes.next()
		l, wait, err := b.outlook(listed)
		if l != nil || !wait {
			return l, err
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// outlook returns the primary link, or whether to wait for it, or why not.
func (b *backend) outlook(listed bool) (l *link, wait bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l = b.primary.Load()
	switch {
	case l != nil && !l.isLost() && (!listed || b.state != Starting):
		return l, false, nil
	case b.ctx != nil && b.ctx.Err() != nil:
		return nil, false, b.away(errRetired)
	case b.state == Starting || l != nil:
		return nil, true, nil
	case b.state == Ready || b.state == Degraded: // it was lost just now
		return nil, true, nil
	case b.state == Backoff && time.Until(b.retryAt) < soon && b.attempts <= 2:
		return nil, true, nil
	}
	return nil, false, b.away(b.err)
}

// away is what a caller is told of a backend that cannot be reached.
func (b *backend) away(cause error) *fault.Error {
	f := fault.New(fault.Unavailable, "backend %q is not available", b.name)
	if cause != nil {
		f = fault.New(fault.Unavailable, "backend %q is not available: %s", b.name, fault.Public(cause))
		if named, ok := errors.AsType[*fault.Error](cause); ok && strings.HasPrefix(named.Public, fmt.Sprintf("backend %q", b.name)) {
			f = fault.New(fault.Unavailable, "%s", named.Public) // it says so itself
			if named.Hint != "" {
				return f.WithHint("%s; GET / shows its state", named.Hint).WithCause(cause)
			}
		}
	}
	return f.WithHint("GET / shows its state; `1mcp check --probe` tries it").WithCause(cause)
}

// Status returns what is known of the backend.
func (b *backend) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Status{Name: b.name, State: b.state, Tags: b.spec.Load().Tags, Attempts: b.attempts}
	if l := b.primary.Load(); l != nil {
		s.Era, s.Version = l.info.Era.String(), l.info.Version
	}
	if b.offer != nil {
		s.Tools, s.Prompts = len(b.offer.Items[catalog.Tools]), len(b.offer.Items[catalog.Prompts])
		s.Resources, s.Templates = len(b.offer.Items[catalog.Resources]), len(b.offer.Items[catalog.Templates])
	}
	if b.err != nil {
		s.Error = fault.Public(b.err)
	}
	if b.state == Backoff {
		s.RetryIn = time.Until(b.retryAt)
	}
	return s
}

// errRetired is in the chain of errors that a backend gives when it is being closed.
var errRetired = fault.New(fault.Unavailable, "it is being closed")

// tally counts calls under way, so that a retired backend can wait for the last one and take none after it.
type tally struct {
	n       atomic.Int64 // negative: closed
	closing atomic.Bool  // somebody waits for zero
	zero    signal
}

const tallyClosed = math.MinInt64 / 2

// enter counts a call, unless the tally is closed.
func (t *tally) enter() bool {
	if t.n.Add(1) > 0 {
		return true
	}
	t.n.Add(-1)
	return false
}

func (t *tally) leave() {
	if t.n.Add(-1) == 0 && t.closing.Load() {
		t.zero.fire()
	}
}

// close waits for the last call, or until ctx ends; from then on none is let in.
func (t *tally) close(ctx context.Context) {
	t.closing.Store(true)
	for {
		next := t.zero.next()
		if t.n.CompareAndSwap(0, tallyClosed) {
			return
		}
		select {
		case <-next:
		case <-ctx.Done():
			t.n.Add(tallyClosed)
			return
		}
	}
}
