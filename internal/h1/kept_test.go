package h1_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestAKeptConnectionIsUsedAgain(t *testing.T) {
	t.Parallel()
	s, rt := serve(t, plain), transport(t)
	for range 5 {
		wants(t, do(rt, post(s.url, "x")), "connection 1")
	}
	counts(t, s, 1, 5)
}

func TestALongBodyLeavesItsConnectionForTheNext(t *testing.T) {
	t.Parallel()
	s := serve(t, func(p *peer) {
		for {
			_, body, ok := p.request()
			if !ok {
				return
			}
			p.say(whole(fmt.Sprint(len(body))))
		}
	})
	synctest.Test(t, func(t *testing.T) { // so that what writes the body is never too late
		rt := newClient(options())
		defer rt.CloseIdleConnections()
		for _, size := range []int{32 << 10, 32<<10 + 1, 300 << 10, 5 << 20} {
			b := newTracked(strings.Repeat("x", size))
			wants(t, do(rt, withBody(post(s.url, ""), b)), fmt.Sprint(size))
			if !b.isClosed() {
				t.Errorf("a body of %d bytes: closed %t", size, b.isClosed())
			}
		}
		counts(t, s, 1, 4)
	})
}

// TestARequestThatItsKeptConnectionTakesInPieces has a socket with next to no buffer.
func TestARequestThatItsKeptConnectionTakesInPieces(t *testing.T) {
	t.Parallel()
	s := serve(t, func(p *peer) {
		for {
			_, body, ok := p.request()
			if !ok {
				return
			}
			p.say(whole(body))
		}
	})
	o := options()
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return c, c.(*net.TCPConn).SetWriteBuffer(1)
	}
	rt := newClient(o)
	defer rt.CloseIdleConnections()
	for n := range 3 {
		text := strings.Repeat(fmt.Sprint(n), 32<<10)
		wants(t, do(rt, post(s.url, text)), text)
	}
	counts(t, s, 1, 3)
}

// once answers one request on each connection and closes it.
func once(p *peer) {
	if _, _, ok := p.request(); ok {
		p.say(numbered(p.n))
	}
}

func TestAConnectionClosedWhileIdleIsNotUsed(t *testing.T) {
	t.Parallel()
	s, rt := serve(t, once), transport(t)
	for n := 1; n <= 3; n++ {
		wants(t, do(rt, post(s.url, "x")), fmt.Sprintf("connection %d", n))
		<-s.ended
	}
	counts(t, s, 3, 3)
}

// atOnce closes its first connection when the second request has come.
func atOnce(p *peer) {
	once(p)
	if p.n == 1 {
		_, _, _ = p.request()
		return
	}
	plain(p)
}

func TestARequestThatMeetsTheEndOfItsConnection(t *testing.T) {
	t.Parallel()
	marked := func(url string) *http.Request {
		req := post(url, "x")
		req.Header["Idempotency-Key"] = nil
		return req
	}
	tests := []struct {
		name     string
		req      func(url string) *http.Request
		repeated bool
	}{
		{"a GET", get, true},
		{"a POST", func(url string) *http.Request { return post(url, "x") }, false},
		{"a POST that may be repeated", marked, true},
		{"a long POST that may be repeated", func(url string) *http.Request {
			req := marked(url)
			long := post(url, strings.Repeat("x", 1<<20))
			req.Body, req.GetBody, req.ContentLength = long.Body, long.GetBody, long.ContentLength
			return req
		}, true},
		{"a POST without a body", func(url string) *http.Request { return post(url, "") }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, rt := serve(t, atOnce), transport(t)
			wants(t, do(rt, get(s.url)), "connection 1")
			req := tt.req(s.url)
			body := req.Body
			got := do(rt, req)
			if req.Body != body {
				t.Error("the request was changed")
			}
			if tt.repeated {
				wants(t, got, "connection 2")
				counts(t, s, 2, 3)
				return
			}
			if got.err == nil || strings.Contains(got.err.Error(), "\n") {
				t.Errorf("got %q, %v", got.body, got.err)
			}
			counts(t, s, 1, 2)
		})
	}
}

// TestARequestOfWhichNothingWasSent goes again, whatever it is. The first connection fails to write once it was used.
func TestARequestOfWhichNothingWasSentGoesAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, plain)
	var dialled []*unwritable
	o := options()
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		dialled = append(dialled, &unwritable{TCPConn: c.(*net.TCPConn)})
		return dialled[len(dialled)-1], nil
	}
	rt := newClient(o)
	defer rt.CloseIdleConnections()
	wants(t, do(rt, post(s.url, "x")), "connection 1")
	dialled[0].broken = true
	wants(t, do(rt, post(s.url, "x")), "connection 2")
	counts(t, s, 2, 2)
}

// unwritable is a connection that cannot be used when it is broken, before anything is sent.
type unwritable struct {
	*net.TCPConn
	broken bool
}

// SyscallConn implements syscall.Conn.
func (u *unwritable) SyscallConn() (syscall.RawConn, error) {
	raw, err := u.TCPConn.SyscallConn()
	return unusable{raw, &u.broken}, err
}

type unusable struct {
	syscall.RawConn
	broken *bool
}

// Read implements syscall.RawConn.
func (u unusable) Read(f func(uintptr) bool) error {
	if *u.broken {
		return io.ErrClosedPipe
	}
	return u.RawConn.Read(f)
}

func TestBytesThatNobodyAskedForBelongToNoRequest(t *testing.T) {
	t.Parallel()
	for name, stray := range map[string]string{
		"an answer":     whole("stray"),
		"a timeout":     "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		"one byte":      "\n",
		"more than fit": whole(strings.Repeat("stray", 20<<10)),
	} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, late: %t", name, late), func(t *testing.T) {
				t.Parallel()
				go1, said := make(chan struct{}), make(chan struct{})
				s, rt := serve(t, func(p *peer) {
					if p.n > 1 {
						plain(p)
						return
					}
					_, _, _ = p.request()
					if late {
						p.say(numbered(1))
						<-go1
						p.say(stray)
						close(said)
					} else {
						p.say(numbered(1) + stray)
						close(said)
					}
					p.untilClosed()
				}), transport(t)
				wants(t, do(rt, post(s.url, "x")), "connection 1")
				close(go1)
				<-said
				wants(t, do(rt, post(s.url, "x")), "connection 2")
				counts(t, s, 2, 2)
			})
		}
	}
}

func TestAnAnswerThatEndsItsConnection(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"asked to close":      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.0":            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
		"another protocol":    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		"bytes where no body": "HTTP/1.1 204 No Content\r\n\r\nx",
		"a length of nothing": "HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n", // which may come yet
		"chunks of nothing":   "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, rt := serve(t, func(p *peer) {
				_, _, _ = p.request()
				p.say(answer)
				p.untilClosed()
			}), transport(t)
			for range 2 {
				if got := do(rt, post(s.url, "x")); got.err != nil || got.cut != nil {
					t.Errorf("%v, %v", got.err, got.cut)
				}
				<-s.ended
			}
			counts(t, s, 2, 2)
		})
	}
}

func TestAnAnswerThatIsNotReadToItsEndEndsItsConnection(t *testing.T) {
	t.Parallel()
	s, rt := serve(t, plain), transport(t)
	resp, err := rt.RoundTrip(post(s.url, "x"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = resp.Body.Read(make([]byte, 1))
	_ = resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); len(text) > 0 || !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Errorf("a closed body gave %q, %v", text, err)
	}
	<-s.ended
	wants(t, do(rt, post(s.url, "x")), "connection 2")
}

func TestAConnectionThatCannotBeLookedAtIsNotKept(t *testing.T) {
	t.Parallel()
	s := serve(t, plain)
	o := options()
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return struct{ net.Conn }{c}, err
	}
	rt := newClient(o)
	wants(t, do(rt, post(s.url, "x")), "connection 1")
	<-s.ended
	wants(t, do(rt, post(s.url, "x")), "connection 2")
}

func TestUnusedConnectionsAreClosedInTime(t *testing.T) {
	t.Parallel()
	s := serve(t, plain)
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.Idle = time.Minute
		rt := newClient(o)
		a, b := begin(t, rt, s), begin(t, rt, s)
		end(t, a)
		time.Sleep(40 * time.Second)
		end(t, b)
		time.Sleep(40 * time.Second) // now the first is too old
		if n := <-s.ended; n != 1 {
			t.Errorf("connection %d was closed", n)
		}
		wants(t, do(rt, get(s.url)), "connection 2")
		time.Sleep(59 * time.Second)
		wants(t, do(rt, get(s.url)), "connection 2")
		time.Sleep(2 * time.Minute)
		if n := <-s.ended; n != 2 {
			t.Errorf("connection %d was closed", n)
		}
		wants(t, do(rt, get(s.url)), "connection 3") // and all begins anew
		time.Sleep(2 * time.Minute)
		<-s.ended
	})
}

// begin returns an answer of which the body has not been read.
func begin(tb testing.TB, rt http.RoundTripper, s *server) *http.Response {
	tb.Helper()
	resp, err := rt.RoundTrip(get(s.url))
	if err != nil {
		tb.Fatal(err)
	}
	return resp
}

func end(tb testing.TB, resp *http.Response) {
	tb.Helper()
	if _, err := io.ReadAll(resp.Body); err != nil {
		tb.Error(err)
	}
	_ = resp.Body.Close()
}

func TestNoMoreConnectionsAreKeptThanAllowed(t *testing.T) {
	t.Parallel()
	s := serve(t, plain)
	o := options()
	o.MaxIdle = 1
	rt := newClient(o)
	defer rt.CloseIdleConnections()
	a, b := begin(t, rt, s), begin(t, rt, s)
	end(t, a)
	end(t, b)
	if n := <-s.ended; n != 2 {
		t.Errorf("connection %d was closed", n)
	}
	wants(t, do(rt, get(s.url)), "connection 1")
}

func TestClosingIdleConnectionsClosesThoseInUseWhenTheyComeBack(t *testing.T) {
	t.Parallel()
	s, rt := serve(t, plain), transport(t)
	a, b := begin(t, rt, s), begin(t, rt, s)
	end(t, a)
	rt.CloseIdleConnections()
	if n := <-s.ended; n != 1 {
		t.Errorf("connection %d was closed", n)
	}
	end(t, b)
	if n := <-s.ended; n != 2 {
		t.Errorf("connection %d was closed", n)
	}
	for range 2 { // the transport can still be used, and keeps again
		wants(t, do(rt, get(s.url)), "connection 3")
	}
}

func TestManyAtOnceGetEachItsOwnAnswer(t *testing.T) {
	t.Parallel()
	s := serve(t, func(p *peer) {
		for n := 0; n < 20; n++ { // and then it closes, whatever comes
			_, body, ok := p.request()
			if !ok {
				return
			}
			p.say(whole(body))
		}
	})
	o := options()
	o.MaxIdle = 5
	rt := newClient(o)
	defer rt.CloseIdleConnections()
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for i := range 50 {
				text := strings.Repeat(fmt.Sprintf("%d/%d ", g, i), 1+i%2*10_000)
				req := post(s.url, text)
				req.Header["Idempotency-Key"] = nil
				wants(t, do(rt, req), text)
				if i%10 == 9 {
					rt.CloseIdleConnections()
				}
			}
		})
	}
	all.Wait()
}
