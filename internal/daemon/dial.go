package daemon

import (
	"context"
	"net"
	"net/netip"
	"strconv"

	"github.com/pires/go-proxyproto"

	"onemcp/internal/config"
	"onemcp/internal/fault"
)

// Dial opens a connection to the listener that a configuration describes, whatever its form: TCP or a unix
// socket, with a LOCAL header where PROXY headers are required. It is for programs on the same machine.
func Dial(ctx context.Context, s *config.Server) (net.Conn, error) {
	network, address, err := Address(s)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "nobody answers at %s", address).WithHint("is the gateway running with this configuration?").WithCause(err)
	}
	if s.ProxyProtocol == "require" {
		h := proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
		if _, err := h.WriteTo(c); err != nil {
			_ = c.Close()
			return nil, fault.New(fault.Unavailable, "%s closed the connection", address).WithCause(err)
		}
	}
	return c, nil
}

// Address returns where programs on this machine reach the listener that a configuration describes: tcp
// and host:port, or unix and a path.
func Address(s *config.Server) (network, address string, err error) {
	switch {
	case s.Listen != "":
		return "unix", string(s.Listen), nil
	case s.Port == 0:
		return "", "", fault.New(fault.Invalid, "port 0 means any free port, so where the gateway listens cannot be told").WithHint("name it with --port")
	}
	host := s.Host
	if a, err := netip.ParseAddr(host); err == nil && a.IsUnspecified() {
		host = "127.0.0.1" // both the v4 and the dual-stack wildcard take it
	}
	return "tcp", net.JoinHostPort(host, strconv.Itoa(s.Port)), nil
}
