package daemon

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"

	"onemcp/internal/trustproxy"
)

// The bounds of a PROXY header.
const (
	announceTime = 5 * time.Second
	announceSize = 4 << 10
)

var errStranger = errors.New("a PROXY header announces a client, but its sender is not a trusted proxy")

// announcing is a listener whose connections begin with a PROXY protocol header of a trusted proxy. A LOCAL
// header, which announces nobody, is taken from this machine too: health checks send it.
type announcing struct {
	net.Listener
	trust func() *trustproxy.Policy
	log   *slog.Logger
}

// Accept implements net.Listener. Connections from elsewhere are closed.
func (l *announcing) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		trusted := l.trusts(c.RemoteAddr())
		if !trusted && !onThisMachine(c.RemoteAddr()) {
			l.log.Warn("a connection from a peer that is not a trusted proxy was closed", "peer", c.RemoteAddr().String(),
				"hint", "add it to server.trustProxy, or set server.proxyProtocol to off")
			_ = c.Close()
			continue
		}
		return &announcedConn{proxyproto.NewConn(c,
			proxyproto.WithPolicy(proxyproto.REQUIRE),
			proxyproto.WithBufferSize(announceSize),
			proxyproto.SetReadHeaderTimeout(announceTime),
			proxyproto.ValidateHeader(func(h *proxyproto.Header) error {
				if !trusted && !h.Command.IsLocal() {
					return errStranger
				}
				return nil
			}))}, nil
	}
}

func (l *announcing) trusts(a net.Addr) bool {
	d := l.trust().Derive(trustproxy.Input{Peer: peerText(a)})
	return d.Trusted
}

func peerText(a net.Addr) string {
	if a.Network() == "unix" {
		return "@"
	}
	return a.String()
}

func onThisMachine(a net.Addr) bool {
	if a.Network() == "unix" {
		return true
	}
	addr, err := netip.ParseAddrPort(a.String())
	return err == nil && addr.Addr().Unmap().IsLoopback()
}

// announcedConn implements front.Announced.
type announcedConn struct{ *proxyproto.Conn }

// Announced implements front.Announced. It is called when the header has been read.
func (c *announcedConn) Announced() (proxied, tls bool) {
	h := c.ProxyHeader()
	if h == nil || h.Command.IsLocal() {
		return false, false
	}
	return true, saysTLS(h)
}

// saysTLS reports whether the PP2_TYPE_SSL part says that the client came by TLS.
func saysTLS(h *proxyproto.Header) bool {
	parts, err := h.TLVs()
	if err != nil {
		return false
	}
	for _, p := range parts {
		if p.Type == proxyproto.PP2_TYPE_SSL && len(p.Value) > 0 {
			return p.Value[0]&1 != 0 // PP2_CLIENT_SSL
		}
	}
	return false
}
