package daemon

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"

	"onemcp/internal/config"
	"onemcp/internal/front"
	"onemcp/internal/trustproxy"
)

// announcer serves, behind a listener that requires PROXY headers, what each request's connection announced.
func announcer(t *testing.T, network, address, trust string) net.Addr {
	t.Helper()
	setting, err := trustproxy.ParseText(trust)
	if err != nil {
		t.Fatal(err)
	}
	policy := setting.Compile(nil)
	raw, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	l := &announcing{Listener: raw, trust: func() *trustproxy.Policy { return policy }, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	server := front.Server(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RemoteAddr)
	}), slog.New(slog.DiscardHandler), 0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		cancel()
		_ = server.Close()
		<-done
	})
	return raw.Addr()
}

// exchange sends a header and a request and returns the body of the answer, "" if the connection was closed.
func exchangeOver(t *testing.T, c net.Conn, header string) string {
	t.Helper()
	defer c.Close()
	if _, err := io.WriteString(c, header+"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		return ""
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

func v2(t *testing.T, command proxyproto.ProtocolVersionAndCommand) string {
	t.Helper()
	h := proxyproto.Header{Version: 2, Command: command, TransportProtocol: proxyproto.TCPv4,
		SourceAddr:      &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 1234},
		DestinationAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}}
	if command == proxyproto.LOCAL {
		h = proxyproto.Header{Version: 2, Command: command, TransportProtocol: proxyproto.UNSPEC}
	}
	text, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPROXYHeaders(t *testing.T) {
	t.Parallel()
	const v1 = "PROXY TCP4 203.0.113.7 192.0.2.1 1234 443\r\n"
	tests := []struct{ name, trust, header, want string }{
		{"v1 of a trusted sender", "loopback", v1, "203.0.113.7:1234"},
		{"v2 of a trusted sender", "loopback", v2(t, proxyproto.PROXY), "203.0.113.7:1234"},
		{"LOCAL of a trusted sender", "loopback", v2(t, proxyproto.LOCAL), "127.0.0.1"},
		{"LOCAL from this machine, not trusted", "10.0.0.1", v2(t, proxyproto.LOCAL), "127.0.0.1"},
		{"a client announced from this machine, not trusted", "10.0.0.1", v1, ""},
		{"no header", "loopback", "", ""},
		{"half a header", "loopback", "PROXY TCP4 203.0.113.7\r\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := announcer(t, "tcp", "127.0.0.1:0", tt.trust)
			c, err := net.Dial(addr.Network(), addr.String())
			if err != nil {
				t.Fatal(err)
			}
			got := exchangeOver(t, c, tt.header)
			if (got == "") != (tt.want == "") || !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDialReachesEveryListener(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	announcer(t, "unix", socket, "10.0.0.1")
	tcp, ok := announcer(t, "tcp", "127.0.0.1:0", "10.0.0.1").(*net.TCPAddr)
	if !ok {
		t.Fatal("no TCP address")
	}
	for name, s := range map[string]config.Server{
		"unix":               {Listen: config.Listen(socket), ProxyProtocol: "require"},
		"tcp":                {Host: "127.0.0.1", Port: tcp.Port, ProxyProtocol: "require"},
		"tcp, all addresses": {Host: "0.0.0.0", Port: tcp.Port, ProxyProtocol: "require"},
	} {
		c, err := Dial(t.Context(), &s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := exchangeOver(t, c, ""); got == "" {
			t.Errorf("%s: no answer", name)
		}
	}
	for name, s := range map[string]config.Server{"any port": {Host: "127.0.0.1"}, "nobody": {Listen: config.Listen(socket + "x")}} {
		if _, err := Dial(t.Context(), &s); err == nil {
			t.Errorf("%s: connected", name)
		}
	}
}
