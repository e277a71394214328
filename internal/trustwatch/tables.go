package trustwatch

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"onemcp/internal/trustproxy"
)

// newLRU returns a bounded table; the size is a constant over zero, so there is no error.
func newLRU[K comparable, V any](size int) *simplelru.LRU[K, V] {
	l, err := simplelru.NewLRU[K, V](size, nil)
	if err != nil {
		panic(err)
	}
	return l
}

// sightingKey is what sightings are counted by.
type sightingKey struct {
	flag    trustproxy.Flag
	level   trustproxy.Level
	network netip.Prefix
}

// sighting counts one key.
type sighting struct {
	total, period int // in all, and since the last summary
	told          int // of the period's, in the line about the first
	peer, client  netip.Addr
	unix          bool
}

// sightings counts flags by network. Not safe for concurrent use.
type sightings struct {
	table *simplelru.LRU[sightingKey, *sighting]
}

func newSightings() sightings {
	return sightings{newLRU[sightingKey, *sighting](maxKeys)}
}

// add counts a sighting and returns the counts with it.
func (t *sightings) add(key sightingKey, d *trustproxy.Decision) sighting {
	s, ok := t.table.Get(key)
	if !ok {
		s = &sighting{told: 1}
		t.table.Add(key, s)
	}
	s.total++
	s.period++
	s.peer, s.client, s.unix = d.Peer, d.Client, d.Unix
	return *s
}

// summary is what the log is told about one key.
type summary struct {
	key          sightingKey
	count, total int
	peer, client string
}

// endPeriod returns a summary of what was seen again since the last one, and starts over.
func (t *sightings) endPeriod() []summary {
	var out []summary
	for _, key := range t.table.Keys() {
		s, _ := t.table.Peek(key)
		if n := s.period - s.told; n > 0 && !onceForAPeer(key.flag) {
			d := trustproxy.Decision{Peer: s.peer, Client: s.client, Unix: s.unix}
			out = append(out, summary{key, n, s.total, d.PeerText(), d.ClientText()})
		}
		s.period, s.told = 0, 0
	}
	return out
}

// rotationWindow and maxClaims say when one claimant has made too many different claims.
const (
	rotationWindow = time.Minute
	maxClaims      = 30
)

// rotation is what one claimant claimed within a window.
type rotation struct {
	begin  time.Time
	hashes [maxClaims + 1]uint64
	n      int
}

// rotations notices claimants with many claims. Safe for concurrent use.
type rotations struct {
	mu    sync.Mutex
	table *simplelru.LRU[netip.Addr, *rotation]
}

func newRotations() rotations {
	return rotations{table: newLRU[netip.Addr, *rotation](maxKeys)}
}

// add notes a claim and tells, once in a window, that it was one too many.
func (t *rotations) add(who netip.Addr, hash uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := t.table.Get(who)
	if !ok || time.Since(r.begin) >= rotationWindow {
		r = &rotation{begin: time.Now()}
		t.table.Add(who, r)
	}
	if r.n == len(r.hashes) {
		return false
	}
	for _, h := range r.hashes[:r.n] {
		if h == hash {
			return false
		}
	}
	r.hashes[r.n] = hash
	r.n++
	return r.n > maxClaims
}

// churnWindow and maxNetworks say when one session comes from too many networks.
const (
	churnWindow = 10 * time.Minute
	maxNetworks = 5
	maxSessions = 4096 // followed at once
)

// churn is where one session came from lately.
type churn struct {
	networks [maxNetworks + 1]netip.Prefix
	seen     [maxNetworks + 1]time.Time
	told     time.Time
}

// churns notices sessions from many networks. Safe for concurrent use.
type churns struct {
	mu    sync.Mutex
	table *simplelru.LRU[uint64, *churn]
}

func newChurns() churns {
	return churns{table: newLRU[uint64, *churn](maxSessions)}
}

// add notes where a session's request came from and tells, once in a window, that it was one
// network too many.
func (t *churns) add(session uint64, client netip.Addr) bool {
	network := prefix(client, 16, 48)
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.table.Get(session)
	if !ok {
		c = &churn{}
		t.table.Add(session, c)
	}
	now := time.Now()
	c.note(network, now)
	if c.lately(now) <= maxNetworks || now.Sub(c.told) < churnWindow {
		return false
	}
	c.told = now
	return true
}

// note remembers a network in its own place, or in that of the one longest ago.
func (c *churn) note(network netip.Prefix, now time.Time) {
	oldest := 0
	for i := range c.networks {
		if c.networks[i] == network {
			oldest = i
			break
		}
		if c.seen[i].Before(c.seen[oldest]) {
			oldest = i
		}
	}
	c.networks[oldest], c.seen[oldest] = network, now
}

// lately counts the networks within the window.
func (c *churn) lately(now time.Time) int {
	n := 0
	for _, at := range c.seen {
		if !at.IsZero() && now.Sub(at) < churnWindow {
			n++
		}
	}
	return n
}

// tally is what one peer sent. Its fields are atomic, so that counting needs no exclusive
// lock.
type tally struct {
	trusted  atomic.Bool
	requests atomic.Int64
	headers  [9]atomic.Int64 // requests with each header, in the order of trustproxy.Seen
	last     atomic.Int64    // unix seconds
}

// peers tallies the peers by address, the zero one standing for all unix sockets. Safe for
// concurrent use.
type peers struct {
	mu    sync.RWMutex
	table map[netip.Addr]*tally
}

func newPeers() peers { return peers{table: map[netip.Addr]*tally{}} }

func (p *peers) count(d *trustproxy.Decision, now time.Time) {
	key := d.Peer
	p.mu.RLock()
	t := p.table[key]
	p.mu.RUnlock()
	if t == nil {
		t = p.insert(key)
	}
	t.trusted.Store(d.Trusted)
	t.requests.Add(1)
	t.last.Store(now.Unix())
	for rest, i := d.Seen, 0; rest != 0; rest, i = rest>>1, i+1 {
		if rest&1 != 0 {
			t.headers[i].Add(1)
		}
	}
}

func (p *peers) insert(key netip.Addr) *tally {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.table[key]; t != nil {
		return t
	}
	if len(p.table) >= maxPeers {
		p.evict()
	}
	t := &tally{}
	p.table[key] = t
	return t
}

// evictionSample is how many peers are compared to find one to forget. Exactly the stalest
// would cost a look at all of them, for every stranger who passes by.
const evictionSample = 8

// evict forgets the stalest of a few untrusted peers, or of a few peers if those are all
// trusted: strangers must not push the proxies out.
func (p *peers) evict() {
	var stalest netip.Addr
	var victim *tally
	n := 0
	for key, t := range p.table {
		if victim == nil || worse(t, victim) {
			stalest, victim = key, t
		}
		if n++; n == evictionSample {
			break
		}
	}
	delete(p.table, stalest)
}

// worse tells whether a is to be forgotten before b.
func worse(a, b *tally) bool {
	if a.trusted.Load() != b.trusted.Load() {
		return b.trusted.Load()
	}
	return a.last.Load() < b.last.Load()
}

// sizes returns how many trusted and untrusted peers have a tally.
func (p *peers) sizes() (trusted, untrusted int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, t := range p.table {
		if t.trusted.Load() {
			trusted++
		} else {
			untrusted++
		}
	}
	return trusted, untrusted
}
