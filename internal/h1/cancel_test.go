package h1_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// quits runs a request whose context ends, with errGone, when the server says so.
func quits(t *testing.T, rt http.RoundTripper, url string, b *tracked, when <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go func() {
		<-when
		cancel(errGone)
	}()
	req := request(ctx, http.MethodPost, url, "")
	if b != nil {
		req = withBody(req, b)
	}
	got := do(rt, req)
	if !errors.Is(got.err, errGone) && !errors.Is(got.cut, errGone) {
		t.Errorf("got %d %.100q (%v, %v)", got.status, got.body, got.err, got.cut)
	}
	if b != nil && (!b.isClosed()) {
		t.Errorf("the body is closed: %t", b.isClosed())
	}
}

func TestARequestEndsWithItsContext(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 32<<20)
	tests := []struct {
		name   string
		body   string
		script func(p *peer, quit func())
	}{
		{"a long body is written", long, func(p *peer, quit func()) {
			_, _ = p.r.ReadByte()
			quit()
		}},
		{"the answer is waited for", "x", func(p *peer, quit func()) {
			_, _, _ = p.request()
			quit()
			p.untilClosed()
		}},
		{"the answer to a long body is waited for", strings.Repeat("x", 1<<20), func(p *peer, quit func()) {
			_, _, _ = p.request()
			quit()
			p.untilClosed()
		}},
		{"a head comes", "x", func(p *peer, quit func()) {
			_, _, _ = p.request()
			p.say("HTTP/1.1 200 OK\r\nContent-")
			quit()
			p.untilClosed()
		}},
		{"more than a promise is waited for", "x", func(p *peer, quit func()) {
			_, _, _ = p.request()
			p.say("HTTP/1.1 103 Early Hints\r\n\r\n")
			quit()
			p.untilClosed()
		}},
		{"a body comes", "x", func(p *peer, quit func()) {
			_, _, _ = p.request()
			p.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
			quit()
			p.untilClosed()
		}},
		{"a body without an end comes", "x", func(p *peer, quit func()) {
			_, _, _ = p.request()
			p.say("HTTP/1.0 200 OK\r\n\r\nhalf")
			quit()
			p.untilClosed()
		}},
		{"a body comes while one is written", long, func(p *peer, quit func()) {
			_, _ = p.r.ReadByte()
			p.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
			quit()
		}},
		{"a compressed body comes", "x", func(p *peer, quit func()) {
			_, _, _ = p.request()
			p.say("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n\x1f\x8b\x08")
			quit()
			p.untilClosed()
		}},
	}
	for _, tt := range tests {
		t.Run("while "+tt.name, func(t *testing.T) {
			t.Parallel()
			when, done := make(chan struct{}), make(chan struct{})
			s, rt := serve(t, func(p *peer) {
				if p.n > 1 {
					plain(p)
					return
				}
				tt.script(p, func() { close(when) })
				<-done // nothing but the context ends the exchange
			}), transport(t)
			quits(t, rt, s.url, newTracked(tt.body), when)
			wants(t, do(rt, post(s.url, "x")), "connection 2")
			close(done)
		})
	}
}

func TestARequestWhoseContextEndsWhileItDials(t *testing.T) {
	t.Parallel()
	dials := make(chan struct{})
	o := options()
	o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		close(dials)
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
	quits(t, newClient(o), "http://backend.example", newTracked("x"), dials)
}

func TestARequestWhoseContextEndsWhileItsHeadIsWritten(t *testing.T) {
	t.Parallel()
	dialled := make(chan struct{})
	o := options()
	client, server := net.Pipe() // its writing waits for the other side's reading
	defer func() { _ = server.Close() }()
	o.Dial = func(context.Context, string, string) (net.Conn, error) { return client, nil }
	go func() {
		_, _ = server.Read(make([]byte, 1))
		close(dialled)
	}()
	quits(t, newClient(o), "http://backend.example", newTracked("x"), dialled)
}

func TestARequestWhoseContextHasEndedIsNotSent(t *testing.T) {
	t.Parallel()
	s, rt := serve(t, plain), transport(t)
	wants(t, do(rt, get(s.url)), "connection 1")
	over := make(chan struct{})
	close(over)
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errGone)
	b := newTracked("x")
	if got := do(rt, withBody(request(ctx, http.MethodPost, s.url, ""), b)); !errors.Is(got.err, errGone) || !b.isClosed() {
		t.Errorf("got %d, %v; the body is closed: %t", got.status, got.err, b.isClosed())
	}
	wants(t, do(rt, get(s.url)), "connection 1")
	counts(t, s, 1, 2)
}

func TestAContextThatEndsBetweenTwoReads(t *testing.T) {
	t.Parallel()
	s, rt := serve(t, func(p *peer) {
		_, _, _ = p.request()
		p.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
		p.untilClosed()
	}), transport(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	resp, err := rt.RoundTrip(request(ctx, http.MethodGet, s.url, ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.ReadFull(resp.Body, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	cancel(errGone)
	<-s.ended // the connection is closed though nobody reads
	if n, err := resp.Body.Read(make([]byte, 4)); n > 0 || !errors.Is(err, errGone) {
		t.Errorf("%d bytes, %v", n, err)
	}
	_ = resp.Body.Close()
}

func TestAContextThatEndsAfterTheAnswerDoesNoHarm(t *testing.T) {
	t.Parallel()
	s, rt := serve(t, plain), transport(t)
	ctx, cancel := context.WithCancel(context.Background())
	wants(t, do(rt, request(ctx, http.MethodGet, s.url, "")), "connection 1")
	cancel()
	wants(t, do(rt, get(s.url)), "connection 1")
}

func TestABodyMayBeClosedWhileItIsRead(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{
		"a length":   "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
		"chunks":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		"compressed": "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n\x1f\x8b\x08",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, rt := serve(t, func(p *peer) {
				_, _, _ = p.request()
				p.say(head)
				p.untilClosed()
			}), transport(t)
			resp, err := rt.RoundTrip(get(s.url))
			if err != nil {
				t.Fatal(err)
			}
			read := make(chan error)
			begun := make(chan struct{})
			go func() {
				close(begun)
				_, err := io.ReadAll(resp.Body)
				read <- err
			}()
			<-begun
			_ = resp.Body.Close()
			if err := <-read; err == nil {
				t.Error("a body that was closed ended well")
			}
			<-s.ended
		})
	}
}

// TestCloseRacesWithTheEnd closes bodies at the moment at which their end is read; the connection has one owner after.
func TestCloseRacesWithTheEnd(t *testing.T) {
	t.Parallel()
	s, rt := serve(t, plain), transport(t)
	for range 200 {
		resp := begin(t, rt, s)
		closed := make(chan struct{})
		go func() {
			_ = resp.Body.Close()
			close(closed)
		}()
		_, _ = io.ReadAll(resp.Body)
		<-closed
		if got := do(rt, get(s.url)); got.err != nil || got.cut != nil || !strings.HasPrefix(got.body, "connection ") {
			t.Fatalf("got %q (%v, %v)", got.body, got.err, got.cut)
		}
	}
}
