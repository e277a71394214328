package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/h1/server"
)

func newServer(std *http.Server) *server.Server { return server.New(std) }

// logged is what a server logs.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *log.Logger { return log.New(l, "", 0) }

// held answers when it is let go.
func held() (h http.HandlerFunc, begun chan *http.Request, release chan string) {
	begun, release = make(chan *http.Request, 9), make(chan string)
	return func(w http.ResponseWriter, r *http.Request) {
		begun <- r
		select {
		case text := <-release:
			_, _ = io.WriteString(w, text)
		case <-r.Context().Done():
		}
	}, begun, release
}

func TestShutdownWaitsForRequestsAndForNothingElse(t *testing.T) {
	t.Parallel()
	h, begun, release := held()
	s, address := serve(t, standard(h))
	fresh, idle, busy := dial(t, address), dial(t, address), dial(t, address)
	idle.send(get)
	<-begun
	release <- "first"
	idle.wants("first")
	busy.send(get)
	<-begun
	done := make(chan error)
	go func() { done <- s.Shutdown(context.Background()) }()
	idle.wantsEnd()
	fresh.wantsEnd()
	if c, err := net.Dial("tcp", address); err == nil {
		_, err = io.ReadAll(c)
		_ = c.Close()
		if err == nil {
			t.Error("it still listens")
		}
	}
	select {
	case err := <-done:
		t.Errorf("it did not wait: %v", err)
	default:
	}
	release <- "second"
	if resp := busy.wants("second"); !resp.Close {
		t.Error("the client may believe that the connection is of use")
	}
	busy.wantsEnd()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := s.Serve(newPipes()); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("serves again: %v", err)
	}
}

func TestShutdownWaitsNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	h, begun, _ := held()
	s, address := serve(t, standard(h))
	c := dial(t, address)
	c.send(get)
	r := <-begun
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-r.Context().Done()
	c.wantsCut()
}

// wantsCut waits for the end of the connection, however it comes, without an answer.
func (c *client) wantsCut() {
	c.tb.Helper()
	if rest, _ := io.ReadAll(c.r); len(rest) > 0 {
		c.tb.Errorf("got %q", rest)
	}
}

func TestCloseEndsAllRequests(t *testing.T) {
	t.Parallel()
	h, begun, _ := held()
	s, address := serve(t, standard(h))
	for _, header := range []string{"", "Pragma: x\r\n", "Content-Length: 1\r\n"} {
		dial(t, address).send("POST / HTTP/1.1\r\nHost: a\r\n" + header + "\r\n")
	}
	requests := []*http.Request{<-begun, <-begun, <-begun}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, r := range requests {
		<-r.Context().Done()
	}
}

// TestWhatIsHandedOnWhileItCloses is either served or closed, and never left.
func TestWhatIsHandedOnWhileItCloses(t *testing.T) {
	t.Parallel()
	for range 100 {
		s, address := serve(t, standard(echo))
		c := dial(t, address)
		c.send("POST /echo HTTP/1.0\r\nContent-Length: 1\r\n\r\nx")
		if err := s.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(c.r); err == nil && len(rest) > 0 && !bytes.HasSuffix(rest, []byte("\r\nx")) {
			t.Errorf("got %q", rest)
		}
	}
}

// TestAWatchThatBeginsWithTheEndOfItsRequestHoldsNobody: then the connection is idle, and Shutdown may close it.
func TestAWatchThatBeginsWithTheEndOfItsRequestHoldsNobody(t *testing.T) {
	t.Parallel()
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			s, connect := piped(t, standard(func(http.ResponseWriter, *http.Request) { time.Sleep(watchAfter) }))
			var all sync.WaitGroup
			for range 20 {
				c := connect()
				all.Go(func() {
					_, _ = io.WriteString(c, get)
					if _, _, err := c.answer(); err != nil {
						t.Error(err)
					}
					c.wantsEnd()
				})
			}
			time.Sleep(2 * watchAfter)
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			all.Wait()
		})
	}
}

// failing is a listener that fails a few times.
type failing struct {
	net.Listener
	times int
}

var errTooMany = errors.New("too many open files")

func (f *failing) Accept() (net.Conn, error) {
	if f.times--; f.times >= 0 {
		return nil, errTooMany
	}
	return f.Listener.Accept()
}

func TestAcceptingThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged logged
		std := standard(echo)
		std.ErrorLog = logged.logger()
		l := newPipes()
		run(t, newServer(std), &failing{l, 3})
		start := time.Now()
		ours, theirs := net.Pipe()
		l.conns <- theirs
		if waited := time.Since(start); waited != 60*time.Millisecond {
			t.Errorf("it waited %v", waited)
		}
		c := newClient(t, ours)
		c.send(get)
		c.wants("")
		if got := logged.String(); !bytes.Contains([]byte(got), []byte(errTooMany.Error())) {
			t.Errorf("logged %q", got)
		}
	})
}

func TestAListenerThatIsClosedEndsServing(t *testing.T) {
	t.Parallel()
	l, s := newPipes(), newServer(standard(echo))
	_ = l.Close()
	if err := s.Serve(l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
