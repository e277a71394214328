package remote_test

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"onemcp/internal/secret"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/remote"
)

// counted is a server that counts its sockets: those that were opened, and those that are there.
type counted struct {
	*httptest.Server
	opened, there atomic.Int64
	left          chan struct{} // a word for each that was closed
}

func count(t *testing.T) *counted {
	t.Helper()
	c := &counted{Server: httptest.NewUnstartedServer(&backend{session: "s"}), left: make(chan struct{}, 99)}
	c.Config.ErrorLog = log.New(io.Discard, "", 0)
	c.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			c.opened.Add(1)
			c.there.Add(1)
		case http.StateClosed:
			c.there.Add(-1)
			c.left <- struct{}{}
		}
	}
	c.Start()
	t.Cleanup(c.Close)
	return c
}

// TestBackendsOfOneOriginShareTheirSockets, and none where they are reached in another way.
func TestBackendsOfOneOriginShareTheirSockets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		second options
		want   int64
	}{
		"another path":    {func(o *remote.Options, _ *upstream.Opening) { o.URL += "/two" }, 1},
		"another header":  {func(o *remote.Options, _ *upstream.Opening) { o.Headers = headers("Authorization", "Bearer x") }, 1},
		"another host":    {func(o *remote.Options, _ *upstream.Opening) { o.Headers = headers("Host", "two.example") }, 2},
		"its own dialler": {func(o *remote.Options, _ *upstream.Opening) { o.Dial = new(net.Dialer).DialContext }, 2},
		"nothing shared":  {func(o *remote.Options, _ *upstream.Opening) { o.Sockets = nil }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := count(t)
			var shared remote.Sockets
			share := func(o *remote.Options, _ *upstream.Opening) { o.Sockets = &shared }
			dial(t, s.URL, share)
			l := dial(t, s.URL, share, c.second)
			if _, _, err := l.do(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := s.opened.Load(); n != c.want {
				t.Errorf("%d sockets were opened, wanted %d", n, c.want)
			}
		})
	}
}

func headers(name, value string) map[string]secret.Text {
	return map[string]secret.Text{name: secret.New(value)}
}

// TestSharedSocketsAreThereUntilTheLastBackendHasLeft, and the next one opens its own.
func TestSharedSocketsAreThereUntilTheLastBackendHasLeft(t *testing.T) {
	t.Parallel()
	s := count(t)
	var shared remote.Sockets
	share := func(o *remote.Options, _ *upstream.Opening) { o.Sockets = &shared }
	a, b := dial(t, s.URL, share), dial(t, s.URL, share)
	leave := func(l *link) {
		t.Helper()
		l.stop()
		if err := l.end(); err != nil {
			t.Error(err)
		}
	}
	leave(a)
	if n := s.there.Load(); n != 1 {
		t.Errorf("%d sockets after the first has left, wanted 1", n)
	}
	if _, _, err := b.do(t.Context()); err != nil {
		t.Error(err)
	}
	leave(b)
	get(t, s.left)
	if opened, there := s.opened.Load(), s.there.Load(); opened != 1 || there != 0 {
		t.Errorf("%d sockets were opened, %d are there", opened, there)
	}
	if _, _, err := dial(t, s.URL, share).do(t.Context()); err != nil {
		t.Error(err)
	}
}
