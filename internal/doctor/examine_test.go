package doctor

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/secret"
)

func examined(t *testing.T, p Plan) *Report {
	t.Helper()
	return Diagnose(Examine(t.Context(), p))
}

func TestTheListenerIsAskedWhateverItsForm(t *testing.T) {
	t.Parallel()
	for name, listener := range map[string]func(*testing.T, *stand) net.Listener{
		"tcp":  func(t *testing.T, _ *stand) net.Listener { return loopback(t) },
		"unix": func(t *testing.T, _ *stand) net.Listener { return socket(t) },
		"PROXY": func(t *testing.T, s *stand) net.Listener {
			s.setup.ProxyProtocol = true
			return localOnly{loopback(t)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			if r := examined(t, s.plan(t, listener(t, s))); r.Code() != 0 || r.Seen == nil {
				t.Error(printed(t, r))
			}
		})
	}
}

func TestAGoodProxyHasNoFindings(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	p := s.plan(t, loopback(t))
	o := Examine(t.Context(), p.through(t, p.proxy()))
	if r := Diagnose(o); r.Code() != 0 {
		t.Error(printed(t, r))
	}
	pub := o.Public
	if len(pub.Stream.Came) != streamEvents || pub.Idle == nil || len(pub.Idle.Came) != 2 || pub.Body.Status != 200 || pub.Limit.Status != 100 || pub.Header.Status != 200 || pub.Plain.Status != 400 {
		t.Errorf("not everything was looked at: %+v", pub)
	}
}

func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, id string
		fault    func(w http.ResponseWriter, r *http.Request, next http.Handler)
	}{
		{"held back", "stream_buffered", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			all := httptest.NewRecorder()
			next.ServeHTTP(all, r)
			w.WriteHeader(all.Code)
			_, _ = io.Copy(w, all.Body)
		}},
		{"cut", "stream_cut", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if !strings.HasPrefix(r.URL.Path, "/whoami/stream") {
				next.ServeHTTP(w, r)
			}
		}},
		{"idle", "idle_cut", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.URL.Query().Get("events") != "2" {
				next.ServeHTTP(w, r)
			}
		}},
		{"1 MiB", "body_limit", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.ContentLength > 1<<20 {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
			next.ServeHTTP(w, r)
		}},
		{"8 MiB", "body_limit", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.ContentLength > 8<<20 {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
			next.ServeHTTP(w, r)
		}},
		{"GET alone", "post_refused", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method != http.MethodGet && !strings.HasPrefix(r.URL.Path, "/whoami") {
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			next.ServeHTTP(w, r)
		}},
		{"loop", "redirect_loop", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}},
		{"ever another", "redirect_loop", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
		}},
		{"no token", "token_lost", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Del("X-1mcp-Probe")
			next.ServeHTTP(w, r)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			p := s.plan(t, loopback(t))
			next := p.proxy()
			faulty := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tt.fault(w, r, next) })
			r := examined(t, p.through(t, faulty))
			if got := ids(r.Findings); !slices.Equal(got, []string{tt.id}) {
				t.Errorf("found %q\n%s", got, printed(t, r))
			}
		})
	}
}

// TestTheTokenStaysAtItsOrigin holds that neither the token nor a forged header follows a redirect elsewhere.
func TestTheTokenStaysAtItsOrigin(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	p := s.plan(t, loopback(t))
	var mu sync.Mutex
	var there tokens
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		there.count(r)
	}))
	t.Cleanup(other.Close)
	r := examined(t, p.through(t, hand(p.proxy(), func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("X-Forwarded-For") == "" {
			return false
		}
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
		return true
	})))
	mu.Lock()
	defer mu.Unlock()
	if len(there.with) > 0 || len(there.without) != 1 {
		t.Errorf("with a token or a forged header came %q, without %q\n%s", there.with, there.without, printed(t, r))
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	p := s.plan(t, loopback(t))
	next := p.proxy()
	server := httptest.NewTLSServer(next)
	server.Config.ErrorLog = nil
	t.Cleanup(server.Close)
	strict := p.at(t, server.URL)
	if r := examined(t, strict); !slices.Equal(ids(r.Findings), []string{"tls"}) {
		t.Errorf("self-signed\n%s", printed(t, r))
	}
	lax := strict
	lax.Insecure = true
	if r := examined(t, lax); r.Code() != 0 {
		t.Errorf("self-signed, and taken\n%s", printed(t, r))
	}
	plain := httptest.NewServer(next)
	t.Cleanup(plain.Close)
	if r := examined(t, p.at(t, strings.Replace(plain.URL, "http:", "https:", 1))); !slices.Equal(ids(r.Findings), []string{"tls"}) {
		t.Errorf("plain HTTP\n%s", printed(t, r))
	}
}

// TestConnect holds that a name need not be known, and that the address one calls from can be chosen.
func TestConnect(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	p := s.plan(t, loopback(t))
	front := httptest.NewServer(p.proxy())
	t.Cleanup(front.Close)
	p = p.at(t, "http://mcp.example.com")
	p.Connect, p.From = front.Listener.Addr().String(), netip.MustParseAddr("127.0.0.1")
	r := examined(t, p)
	if r.Code() != 0 || r.Seen.Host != "mcp.example.com" || r.Chain[0].Address != "127.0.0.1" {
		t.Error(printed(t, r))
	}
}

func TestAnOpenPortIsFound(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	p := s.plan(t, loopback(t))
	p.Setup.Listener.Local = false
	if r := examined(t, p.through(t, p.proxy())); !slices.Equal(ids(r.Findings), []string{"port_open"}) {
		t.Error(printed(t, r))
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	gone := loopback(t)
	p := s.plan(t, loopback(t))
	_ = gone.Close()
	p.Setup.Listener.Address = gone.Addr().String()
	if r := examined(t, p.at(t, "http://"+gone.Addr().String())); r.Code() != 2 || !r.Has("gateway_down") || !r.Has("unreachable") {
		t.Error(printed(t, r))
	}
}

func TestAnAddressOfAnotherMachineToCallFrom(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	p := s.plan(t, loopback(t)).at(t, "http://"+loopback(t).Addr().String())
	p.From = netip.MustParseAddr("192.0.2.1")
	r := examined(t, p)
	if shown := printed(t, r); !r.Has("unreachable") || !strings.Contains(shown, "--from") || !strings.Contains(shown, "ip addr") {
		t.Error(shown)
	}
}

func TestAnotherGatewaysToken(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	p := s.plan(t, loopback(t))
	p.Token = secret.New("AAAA")
	if r := examined(t, p); r.Code() != 2 || !r.Has("token_refused") {
		t.Error(printed(t, r))
	}
}

// TestExamineEnds holds that it ends with its context, whatever the other side does.
func TestExamineEnds(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	p := s.plan(t, loopback(t))
	ctx, cancel := context.WithCancel(t.Context())
	hang := hand(p.proxy(), func(_ http.ResponseWriter, r *http.Request) bool {
		cancel()
		<-r.Context().Done()
		return true
	})
	if r := Diagnose(Examine(ctx, p.through(t, hang))); !r.Has("unreachable") {
		t.Error(printed(t, r))
	}
}
