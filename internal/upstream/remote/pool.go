package remote

import (
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"
	"weak"

	"onemcp/internal/h1"
)

const (
	dialTimeout = 10 * time.Second
	idleTimeout = 90 * time.Second
	idleSockets = 256  // of one backend
	idleShared  = 1024 // of several
	readBuffer  = 16 << 10
	maxHeader   = 256 << 10
	pingAfter   = 30 * time.Second // HTTP/2: a connection that is silent for so long is tried
)

// Sockets are those of several drivers. Backends of one origin that want the same Host share theirs, so that a
// call finds one that was used a moment ago, and there are as many as there are calls at a time. Drivers with a Dial or a TLS
// of their own keep to themselves. The zero value is ready. It is safe for concurrent use.
type Sockets struct {
	mu    sync.Mutex
	pools map[site]weak.Pointer[pool] // of drivers that still exist
}

// site is what requests must have in common to go over the same sockets.
type site struct{ origin, host string }

// pool returns the pool for a backend.
func (s *Sockets) pool(o Options, to *url.URL, host string) *pool {
	if s == nil || o.Dial != nil || o.TLS != nil {
		return newPool(o, to, host, idleSockets)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := site{origin(to), host}
	if p := s.pools[at].Value(); p != nil {
		return p
	}
	if s.pools == nil {
		s.pools = make(map[site]weak.Pointer[pool])
	}
	maps.DeleteFunc(s.pools, func(_ site, p weak.Pointer[pool]) bool { return p.Value() == nil })
	p := newPool(o, to, host, idleShared)
	s.pools[at] = weak.Make(p)
	return p
}

// A pool holds the sockets of one backend, or of several. When its last user has left, the idle ones are closed.
type pool struct {
	sender
	plain bool // without TLS, and not through a proxy

	mu    sync.Mutex
	users int
}

func newPool(o Options, to *url.URL, host string, idle int) *pool {
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext
	}
	if isPlain(to) {
		return &pool{plain: true, sender: plain{h1.New(h1.Options{
			Address: address(to), Dial: o.Dial, Idle: idleTimeout, MaxIdle: idle, MaxHeader: maxHeader,
		})}}
	}
	return &pool{sender: full{newTransport(o, idle), host}}
}

// isPlain reports whether a backend is reached without TLS and not through a proxy of the environment, by a name that
// is sent as it is written: then the shorter way will do.
func isPlain(to *url.URL) bool {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: to})
	return h1.Keeps && to.Scheme == "http" && proxy == nil && err == nil && !strings.ContainsFunc(to.Host, isTranslated)
}

// isTranslated reports whether a character is not sent as it stands in a URL's host: those of other
// alphabets, and the mark of an IPv6 zone.
func isTranslated(r rune) bool { return r == '%' || r > unicode.MaxASCII }

func newTransport(o Options, idle int) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         o.Dial,
		TLSClientConfig:     o.TLS,
		TLSHandshakeTimeout: dialTimeout,
		MaxIdleConns:        idle,
		MaxIdleConnsPerHost: idle,
		IdleConnTimeout:     idleTimeout,
		ReadBufferSize:      readBuffer,

		MaxResponseHeaderBytes: maxHeader,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter},
	}
}

func (p *pool) enter() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users++
}

func (p *pool) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users--
	p.closeUnused()
}

func (p *pool) closeUnused() {
	if p.users == 0 {
		p.CloseIdleConnections()
	}
}
