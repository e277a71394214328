package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"onemcp/internal/config"
	"onemcp/internal/fault"
)

// listen opens the listener that the configuration asks for.
func listen(ctx context.Context, s *config.Server) (net.Listener, error) {
	if s.Listen != "" {
		return listenUnix(ctx, string(s.Listen), fs.FileMode(s.SocketMode))
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
	if err != nil {
		return nil, tcpFault(s, err)
	}
	return l, nil
}

func tcpFault(s *config.Server, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fault.New(fault.Conflict, "port %d on %s is in use by another program", s.Port, s.Host).
			WithHint("stop that program, or choose another port with --port; 0 takes any free one").WithCause(err)
	case errors.Is(err, syscall.EACCES):
		return fault.New(fault.Denied, "port %d on %s may not be opened by this user", s.Port, s.Host).
			WithHint("choose a port above 1023 with --port").WithCause(err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fault.New(fault.Invalid, "this machine has no address %s to listen on", s.Host).
			WithHint("correct --host or server.host").WithCause(err)
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return fault.New(fault.Invalid, "the host name %q is not known", s.Host).WithHint("correct --host or server.host").WithCause(err)
	}
	return fault.New(fault.Unavailable, "cannot listen on %s port %d: %v", s.Host, s.Port, err)
}

// listenUnix opens a unix socket. A socket file that nobody listens on any more is replaced; anything else
// at that path stays as it is, and is an error.
func listenUnix(ctx context.Context, path string, mode fs.FileMode) (net.Listener, error) {
	if err := clearSocket(ctx, path); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		// On Linux the file takes the mode of the unbound socket, so it is never more open than asked for. Others refuse, and
		// the mode is set below alone.
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), uint32(mode)) })
	}}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "cannot listen on the unix socket %s: %v", path, plain(err)).
			WithHint("its directory must be there and be writable, and the path short (about 100 bytes)")
	}
	if err := os.Chmod(path, mode); err != nil {
		_ = l.Close()
		return nil, fault.New(fault.Unavailable, "cannot set the permissions of the unix socket %s: %v", path, plain(err))
	}
	return l, nil
}

// clearSocket removes the file of a socket that is dead.
func clearSocket(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fault.New(fault.Unavailable, "cannot look at %s: %v", path, plain(err))
	case info.Mode().Type() != fs.ModeSocket:
		return fault.New(fault.Conflict, "%s is there already, and is not a socket", path).WithHint("remove it, or set server.listen to another path")
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = conn.Close()
		return fault.New(fault.Conflict, "another program listens on the unix socket %s", path).WithHint("stop it, or set server.listen to another path")
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return fault.New(fault.Conflict, "the unix socket %s is there, and whether anybody listens on it cannot be told: %v", path, plain(err)).
		WithHint("remove it if nobody does")
}

// plain takes the operation and the path off an error that a sentence names already.
func plain(err error) error {
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		return e
	}
	return err
}

// Endpoint is where the gateway listens.
type Endpoint struct {
	URL      string // of the merged endpoint, for clients on this machine
	Address  string // what the listener is bound to
	Loopback bool   // nobody outside this machine reaches it
}

func endpointOf(l net.Listener) Endpoint {
	tcp, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		path := l.Addr().String()
		return Endpoint{URL: "unix:" + path, Address: "unix:" + path, Loopback: true}
	}
	host := tcp.IP
	if host.IsUnspecified() {
		host = net.IPv4(127, 0, 0, 1) // both the v4 and the dual-stack wildcard take it
	}
	return Endpoint{
		URL:      fmt.Sprintf("http://%s/mcp", net.JoinHostPort(host.String(), strconv.Itoa(tcp.Port))),
		Address:  tcp.String(),
		Loopback: tcp.IP.IsLoopback(),
	}
}
