package remote_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/remote"
)

// pipes is a network in memory, for tests under a clock of their own.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error {
	close(p)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p <- server:
		return client, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// underClock runs test against h, in a time that passes when nothing else happens.
func underClock(t *testing.T, h http.Handler, test func(t *testing.T, l *link)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := make(pipes)
		server := &http.Server{Handler: h}
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = server.Serve(network)
		}()
		l := dial(t, "http://backend.example/", func(o *remote.Options, _ *upstream.Opening) { o.Dial = network.dial })
		test(t, l)
		l.stop()
		if err := l.end(); err != nil {
			t.Errorf("Run returned %v", err)
		}
		_ = server.Close()
		<-served
	})
}

func TestTakingUpAStreamAgainIsBounded(t *testing.T) {
	t.Parallel()
	for name, get := range map[string]http.HandlerFunc{
		"an empty stream":  func(w http.ResponseWriter, _ *http.Request) { events(w, ": nothing") },
		"a server in need": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &backend{call: cut, get: func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get(mcp.HeaderLastEvent) == "" {
					w.WriteHeader(http.StatusMethodNotAllowed)
					return
				}
				get(w, r)
			}}
			underClock(t, b, func(t *testing.T, l *link) {
				_, _, err := l.do(context.Background())
				if n := b.count(isGetAfter("e-2")); fault.KindOf(err) != fault.Unavailable || n != 5 {
					t.Errorf("got %v after %d attempts", err, n)
				}
			})
		})
	}
}

func TestTheStreamOfASessionIsAskedForWithPatience(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		get      func(w http.ResponseWriter, r *http.Request)
		min, max int // requests in ten minutes
	}{
		{"a server in need", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, 15, 60},
		{"another stream is open", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) }, 15, 60},
		{"a stream that ends at once", func(w http.ResponseWriter, _ *http.Request) { events(w, ": nothing") }, 15, 60},
		{"a stream that ends every minute", func(w http.ResponseWriter, r *http.Request) {
			events(w, "id: 1\ndata:")
			select {
			case <-time.After(time.Minute):
			case <-r.Context().Done():
			}
		}, 9, 10},
		{"a stream that wants us back in ten seconds", func(w http.ResponseWriter, _ *http.Request) {
			events(w, "retry: 10000\ndata:")
		}, 60, 61},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &backend{session: "s-1", get: tt.get}
			underClock(t, b, func(t *testing.T, _ *link) {
				<-time.After(10*time.Minute + time.Second)
				if n := b.count(isMethod(http.MethodGet)); n < tt.min || n > tt.max {
					t.Errorf("%d requests, wanted %d to %d", n, tt.min, tt.max)
				}
			})
		})
	}
}

func TestRetryIsHonoured(t *testing.T) {
	t.Parallel()
	var begun, again time.Time
	b := &backend{}
	b.call = func(w http.ResponseWriter, _ *http.Request, _ *mcp.Message) {
		begun = time.Now()
		events(w, "id: 1\nretry: 7000\ndata:")
	}
	b.get = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(mcp.HeaderLastEvent) == "" {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		again = time.Now()
		events(w, `data: {"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"enough"}}`)
	}
	underClock(t, b, func(t *testing.T, l *link) {
		m, _, err := l.do(context.Background())
		if err != nil || m.Kind != mcp.Error || again.Sub(begun) != 7*time.Second {
			t.Errorf("%s, %v after %s", m.Raw, err, again.Sub(begun))
		}
	})
}

func TestAnOpeningHasItsTime(t *testing.T) {
	t.Parallel()
	silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server would not see us go
		<-r.Context().Done()
	})
	for _, k := range []remote.Kind{remote.HTTP, remote.SSE, remote.Auto} {
		l, _ := connect(t, serve(t, silent).URL, kind(k), func(_ *remote.Options, o *upstream.Opening) { o.Timeout = 20 * time.Millisecond })
		if err := l.end(); fault.KindOf(err) != fault.Timeout || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("kind %d: %v", k, err)
		}
	}
}

func TestAConnectionIsOpenOnceTheStreamOfItsSessionIs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answers time.Duration // of the backend, to GET
		want    time.Duration
	}{
		"a backend that takes its time":                 {500 * time.Millisecond, 500 * time.Millisecond},
		"a backend that answers with the first message": {time.Hour, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var begun time.Time // of the fake clock
			b := &backend{session: "s-1", open: func(http.ResponseWriter, *http.Request, *mcp.Message) bool {
				begun = time.Now()
				return false
			}}
			b.get = func(w http.ResponseWriter, r *http.Request) {
				wait := time.NewTimer(tt.answers)
				defer wait.Stop()
				select {
				case <-wait.C:
					events(w, ": open")
					<-r.Context().Done()
				case <-r.Context().Done():
				}
			}
			underClock(t, b, func(t *testing.T, _ *link) {
				if took := time.Since(begun); took != tt.want {
					t.Errorf("open after %v, want %v", took, tt.want)
				}
			})
		})
	}
}
