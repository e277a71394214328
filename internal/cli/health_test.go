package cli

import (
	"context"
	"net"
	"strings"
	"testing"

	"onemcp/internal/config"
)

// TestWhatIsNoGatewayIsNotHealthy, and the sentence says what to look at.
func TestWhatIsNoGatewayIsNotHealthy(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, says, want string }{
		{"silent", "", "takes the connection and says nothing (is it another program"},
		{"another protocol", "SSH-2.0-OpenSSH_9.6\r\n", "does not answer in HTTP (is it another program"},
		{"not well", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "the gateway answers with status 503"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 1024))
				_, _ = c.Write([]byte(tt.says))
				if tt.says == "" {
					cancel()
				}
				<-ctx.Done()
				_ = c.Close()
			}()
			s := config.Server{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port}
			if err := askHealth(ctx, &s); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
