package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestManyRequestsOnOneConnection(t *testing.T) {
	t.Parallel()
	_, address := serve(t, standard(echo))
	c := dial(t, address)
	for n := range 1000 {
		body := strings.Repeat("x", n%50*n%9000) + fmt.Sprint(n)
		c.send(post("/echo", body))
		c.wants(body)
	}
}

func TestEachConnectionGetsItsOwnAnswers(t *testing.T) {
	t.Parallel()
	_, address := serve(t, standard(echo))
	var all sync.WaitGroup
	for n := range 20 {
		c := dial(t, address)
		all.Go(func() {
			for i := range 50 {
				body := strings.Repeat(fmt.Sprintf("%d %d ", n, i), i*i)
				_, _ = io.WriteString(c, post("/echo", body))
				if _, got, err := c.answer(); got != body || err != nil {
					t.Errorf("got %.100q, %v; wanted %.100q", got, err, body)
					return
				}
			}
		})
	}
	all.Wait()
}

// TestWhatComesInPiecesIsWhole: a request may be cut anywhere, and its first part may come while another is served.
func TestWhatComesInPiecesIsWhole(t *testing.T) {
	t.Parallel()
	first, second := post("/echo", "first"), post("/echo", "second one")
	for name, wait := range map[string]time.Duration{"after an answer": 0, "before the watch": watchAfter / 2, "in the watch": 2 * watchAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, connect := piped(t, standard(func(w http.ResponseWriter, r *http.Request) {
					time.Sleep(2 * wait)
					_, _ = io.WriteString(w, r.Method+" ")
					echo(w, r)
				}))
				for cut := range len(second) + 1 {
					c := connect()
					c.send(first)
					if wait == 0 {
						c.wants("POST first")
					}
					var sent sync.WaitGroup
					sent.Go(func() {
						time.Sleep(wait)
						_, _ = io.WriteString(c, second[:cut])
					})
					if wait > 0 {
						c.wants("POST first")
					}
					sent.Wait()
					synctest.Wait()
					c.send(second[cut:])
					c.wants("POST second one")
					_ = c.Close()
				}
			})
		})
	}
}

const watchAfter = 100 * time.Millisecond // as long as a client is not watched

func TestAClientThatGoesEndsItsRequest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ gone, noticed time.Duration }{
		"at once": {0, watchAfter},
		"later":   {time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan error)
				_, connect := piped(t, standard(func(_ http.ResponseWriter, r *http.Request) {
					<-r.Context().Done()
					ended <- context.Cause(r.Context())
				}))
				c, start := connect(), time.Now()
				c.send(post("/", "x"))
				time.Sleep(tt.gone)
				_ = c.Close()
				if err := <-ended; !errors.Is(err, context.Canceled) || time.Since(start) != tt.noticed {
					t.Errorf("%v after %v", err, time.Since(start))
				}
			})
		})
	}
}

func TestAClientThatGoesInItsBodyEndsTheRequest(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	_, address := serve(t, standard(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		<-r.Context().Done()
		ended <- err
	}))
	c := dial(t, address)
	c.send(post("/", "abc")[:len(post("/", "abc"))-1])
	_ = c.Close()
	if err := <-ended; err == nil {
		t.Error("the body is whole")
	}
}

func TestAContextEndsWithItsRequest(t *testing.T) {
	t.Parallel()
	seen := make(chan context.Context, 2)
	_, address := serve(t, standard(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Context() }))
	c := dial(t, address)
	for range 2 {
		c.send(get)
		c.wants("")
		<-(<-seen).Done()
	}
}

// TestARequestThatIsOverGivesNothing: neither bytes of the next one, nor a way to write into its answer.
func TestARequestThatIsOverGivesNothing(t *testing.T) {
	t.Parallel()
	type exchange struct {
		w    http.ResponseWriter
		body io.Reader
	}
	seen := make(chan exchange, 1)
	_, address := serve(t, standard(func(w http.ResponseWriter, r *http.Request) { seen <- exchange{w, r.Body} }))
	c := dial(t, address)
	c.send(post("/", "mine"))
	c.wants("")
	first := <-seen
	c.send(post("/", "another's")) // so that all of the first is over
	c.wants("")
	<-seen
	if body, err := io.ReadAll(first.body); len(body) > 0 || err == nil {
		t.Errorf("read %q, %v", body, err)
	}
	if n, err := first.w.Write([]byte("x")); n > 0 || err == nil || http.NewResponseController(first.w).Flush() == nil {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
}

func TestAPanicIsLoggedAndClosesTheConnection(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		with any
		want string
	}{"an error": {errors.New("why"), "why"}, "an abortion": {http.ErrAbortHandler, ""}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logged logged
			std := standard(func(http.ResponseWriter, *http.Request) { panic(tt.with) })
			std.ErrorLog = logged.logger()
			_, address := serve(t, std)
			c := dial(t, address)
			c.send(get)
			c.wantsEnd()
			if got := logged.String(); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("logged %q", got)
			}
		})
	}
}

// marked is a connection that can be told from others.
type marked struct {
	net.Conn
	name string
}

// marking is a listener of such.
type marking struct{ net.Listener }

func (m marking) Accept() (net.Conn, error) {
	c, err := m.Listener.Accept()
	return &marked{c, "this one"}, err
}

type key struct{}

// TestAConnectionGivesValues whoever serves it, and only values.
func TestAConnectionGivesValues(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{"plain": "", "handed on": "Pragma: x\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			errBase := errors.New("the base")
			base, cut := context.WithCancelCause(t.Context())
			std := standard(func(w http.ResponseWriter, r *http.Request) {
				child, cancel := context.WithTimeout(r.Context(), time.Hour)
				defer cancel()
				_, _ = fmt.Fprint(w, child.Value(key{}), child.Err())
				_ = http.NewResponseController(w).Flush()
				<-child.Done()
				_, _ = fmt.Fprint(w, context.Cause(child))
			})
			std.BaseContext = func(net.Listener) context.Context { return base }
			std.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
				return context.WithValue(ctx, key{}, c.(*marked).name)
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s, address := newServer(std), l.Addr().String()
			run(t, s, marking{l})
			c := dial(t, address)
			c.send(strings.TrimSuffix(get, "\r\n") + header + "\r\n")
			begun, err := c.r.Peek(1)
			if err != nil {
				t.Fatalf("%q, %v", begun, err)
			}
			cut(errBase)
			c.wants("this one<nil>the base")
		})
	}
}

// TestAConnectionsContextDoesNotEndItsRequests, nor tell why they ended.
func TestAConnectionsContextDoesNotEndItsRequests(t *testing.T) {
	t.Parallel()
	base, cut := context.WithCancelCause(t.Context())
	std := standard(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Context().Err())
		cut(errors.New("the base"))
		<-r.Context().Done()
		_, _ = fmt.Fprint(w, context.Cause(r.Context()))
	})
	std.BaseContext = func(net.Listener) context.Context { return base }
	std.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		ctx, cancel := context.WithCancelCause(ctx)
		cancel(errors.New("another"))
		return ctx
	}
	_, address := serve(t, std)
	c := dial(t, address)
	c.send(get)
	c.wants("<nil>the base")
}
