package endtoend_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream/remote"
	"onemcp/internal/upstream/upstreamtest"
)

// site is an HTTP backend that can go away and come back at its address, knowing nothing of what was.
type site struct {
	t     *testing.T
	addr  string
	make  func() (handler http.Handler, end func())
	down  func()      // cuts all connections
	posts chan string // everything that was posted
}

// newSite starts a site that is up until t ends.
func newSite(t *testing.T, make func() (http.Handler, func())) *site {
	t.Helper()
	s := &site{t: t, addr: ownLoopback(), make: make, posts: posts()}
	s.up()
	t.Cleanup(func() { s.down() })
	return s
}

// ownLoopback returns an address on which no other test listens or calls from, so that a port that was given up can be
// had again. Where the system has only one loopback address, it is that.
func ownLoopback() string {
	addr := fmt.Sprintf("127.%d.%d.%d:0", 1+rand.N(200), rand.N(256), 1+rand.N(200))
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = listener.Close()
	return addr
}

func posts() chan string { return make(chan string, 10000) }

func (s *site) up() {
	s.t.Helper()
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	handler, end := s.make()
	var running sync.WaitGroup
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.Method == http.MethodPost {
			s.posts <- string(body)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler.ServeHTTP(w, r)
	})}
	serving := make(chan struct{})
	go func() {
		defer close(serving)
		_ = server.Serve(listener) // its end is what is wanted
	}()
	s.down = func() {
		_ = server.Close()
		<-serving
		end()
		running.Wait()
	}
}

// saw waits until something was posted that holds all the texts.
func (s *site) saw(texts ...string) {
	s.t.Helper()
	for {
		post := receive(s.t, s.posts, "a post of "+strings.Join(texts, " and "))
		if holdsAll(post, texts) {
			return
		}
	}
}

func holdsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// mortal is a backend that can be killed. It comes back without a memory.
type mortal struct {
	spec gateway.Spec
	era  mcp.Era
	kill func(pid int)
	saw  func(c *client, texts ...string) // waits until the backend that is up now was told something
}

const mortalURI = "test://b/r"

func mortalScript(era mcp.Era) upstreamtest.Script {
	return upstreamtest.Script{Eras: []mcp.Era{era}, Offers: map[string]string{
		mcp.MethodResourcesList: `{"resources":[{"uri":"` + mortalURI + `","name":"r"}]}`,
		mcp.MethodSubscribe:     `{}`,
		mcp.MethodSetLevel:      `{}`,
	}}
}

var mortals = []struct {
	name string
	make func(t *testing.T) mortal
}{
	{"legacy stdio", func(t *testing.T) mortal { return mortalChild(t, mcp.Legacy) }},
	{"modern stdio", func(t *testing.T) mortal { return mortalChild(t, mcp.Modern) }},
	{"legacy http", func(t *testing.T) mortal { return mortalSite(t, mcp.Legacy, gateway.Auto) }},
	{"legacy http, shared", func(t *testing.T) mortal { return mortalSite(t, mcp.Legacy, gateway.Shared) }},
	{"modern http", func(t *testing.T) mortal { return mortalSite(t, mcp.Modern, gateway.Auto) }},
	{"legacy sse", mortalOldSite},
}

func mortalChild(t *testing.T, era mcp.Era) mortal {
	return mortal{
		spec: overStdio(t, "b", mortalScript(era)), era: era,
		kill: func(pid int) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		},
		saw: func(c *client, texts ...string) {
			if got := c.received("b_1mcp_", texts[0]); !holdsAll(got, texts) {
				c.t.Errorf("the backend was told %s", got)
			}
		},
	}
}

func mortalSite(t *testing.T, era mcp.Era, isolation gateway.Isolation) mortal {
	s := newSite(t, func() (http.Handler, func()) {
		w := newWeb(mortalScript(era))
		return w, w.endAll
	})
	m := s.mortal(overURL(t, "b", "http://"+s.addr, remote.HTTP), era)
	m.spec.Isolation = isolation
	return m
}

func mortalOldSite(t *testing.T) mortal {
	s := newSite(t, func() (http.Handler, func()) { return newOldWeb(mortalScript(mcp.Legacy)), func() {} })
	return s.mortal(overURL(t, "b", "http://"+s.addr+"/sse", remote.SSE), mcp.Legacy)
}

func (s *site) mortal(spec gateway.Spec, era mcp.Era) mortal {
	return mortal{
		spec: spec, era: era,
		kill: func(int) {
			s.down()
			s.posts = posts()
			s.up()
		},
		saw: func(_ *client, texts ...string) { s.saw(texts...) },
	}
}

// TestABackendThatDiesInMidCall: the call in flight fails and says at whose fault, and is not made once more. The client's
// next call works, in the same session, and what it had asked to be told of is asked for anew.
func TestABackendThatDiesInMidCall(t *testing.T) {
	t.Parallel()
	for _, kind := range mortals {
		for _, era := range bothEras {
			t.Run(fmt.Sprintf("%s client, %s", era, kind.name), func(t *testing.T) {
				t.Parallel()
				m := kind.make(t)
				r := start(t, setup(m.spec))
				r.ready()
				c := r.client(era, "/mcp")
				c.affinity = strings.Repeat("a", 22)
				if era == mcp.Legacy {
					c.initialize()
				}
				subscribe(c)
				before := c.whoami("b_1mcp_whoami")
				call := c.post(t.Context(), c.tool(`"lost"`, "b_1mcp_chatter", `{"n":1000000,"text":"only once"}`, `"progressToken":1`))
				if first, err := call.next(); err != nil || call.events == nil {
					t.Fatalf("%s, %v", first, err)
				}
				m.kill(before.PID)
				checkLost(t, call.final(t))
				if after := c.whoami("b_1mcp_whoami"); after == before {
					t.Error("the backend is not a new one")
				}
				if n := c.call("b_1mcp_count", `{"text":"only once"}`); n != "0" {
					t.Errorf("the call was made %s times more", n)
				}
				if m.era == mcp.Legacy {
					m.saw(c, `"resources/subscribe"`, mortalURI)
					level := map[mcp.Era]string{mcp.Legacy: `"warning"`, mcp.Modern: `"debug"`}[era]
					if got := c.received("b_1mcp_", `"logging/setLevel"`); !strings.Contains(got, level) {
						t.Errorf("the new backend was told %s, wanted %s", got, level)
					}
				} else {
					m.saw(c, `"resourceSubscriptions"`, mortalURI)
				}
			})
		}
	}
}

// subscribe has a client ask for what a backend keeps per connection.
func subscribe(c *client) {
	c.t.Helper()
	if c.era == mcp.Modern {
		ctx, cancel := context.WithCancel(context.Background())
		l := c.post(ctx, c.request(`"listen"`, mcp.MethodListen, `"notifications":{"resourceSubscriptions":["`+mortalURI+`"]}`, ""))
		c.t.Cleanup(func() {
			cancel()
			l.close()
		})
		if msg, err := l.next(); err != nil || !strings.Contains(string(msg), mortalURI) {
			c.t.Fatalf("%s, %v", msg, err)
		}
		return
	}
	for _, body := range [][]byte{
		c.request(`"subscribe"`, mcp.MethodSubscribe, `"uri":"`+mortalURI+`"`, ""),
		c.request(`"level"`, mcp.MethodSetLevel, `"level":"warning"`, ""),
	} {
		if m := c.ask(body); m.Kind != mcp.Result {
			c.t.Fatalf("%s", m.Raw)
		}
	}
}

// checkLost checks the answer to a call whose backend has died.
func checkLost(t *testing.T, m *mcp.Message) {
	t.Helper()
	if m.Kind != mcp.Error || m.ErrorCode() != mcp.CodeInternal || string(m.IDBytes()) != `"lost"` || !strings.Contains(m.ErrorMessage(), `backend "b"`) {
		t.Errorf("the call in flight is answered with %s", m.Raw)
	}
}
