package daemon

import (
	"net"
	"testing"
)

// at is a listener that is bound to an address; it only says so.
type at struct {
	net.Listener
	addr net.Addr
}

func (a at) Addr() net.Addr { return a.addr }

func TestEndpointIsWhatAClientHereCanDial(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		addr net.Addr
		want Endpoint
	}{
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3000}, Endpoint{"http://127.0.0.1:3000/mcp", "127.0.0.1:3000", true}},
		{&net.TCPAddr{IP: net.IPv6loopback, Port: 3000}, Endpoint{"http://[::1]:3000/mcp", "[::1]:3000", true}},
		{&net.TCPAddr{IP: net.IPv6unspecified, Port: 80}, Endpoint{"http://127.0.0.1:80/mcp", "[::]:80", false}},
		{&net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 80}, Endpoint{"http://10.1.2.3:80/mcp", "10.1.2.3:80", false}},
		{&net.UnixAddr{Name: "/run/1mcp.sock", Net: "unix"}, Endpoint{"unix:/run/1mcp.sock", "unix:/run/1mcp.sock", true}},
	} {
		if got := endpointOf(at{addr: test.addr}); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.addr, got, test.want)
		}
	}
}
