package remote

import (
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	idleTimeout = 90 * time.Second
	idleSockets = 256
	readBuffer  = 16 << 10
	maxHeader   = 256 << 10
	pingAfter   = 30 * time.Second // HTTP/2: a connection that is silent for so long is tried
)

// A pool holds the sockets of one backend. When its last user has left, the idle ones are closed.
type pool struct {
	*http.Transport

	mu    sync.Mutex
	users int
}

func newPool(o Options) *pool {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext
	}
	return &pool{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dial,
		TLSClientConfig:     o.TLS,
		TLSHandshakeTimeout: dialTimeout,
		MaxIdleConns:        idleSockets,
		MaxIdleConnsPerHost: idleSockets,
		IdleConnTimeout:     idleTimeout,
		ReadBufferSize:      readBuffer,

		MaxResponseHeaderBytes: maxHeader,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter},
	}}
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
