package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/life"
)

// Server serves plain requests, and hands the connections of others to an http.Server. It is safe for concurrent use.
type Server struct {
	std     *http.Server
	odd     *handover
	rooms   rooms
	clock   clock
	closing atomic.Bool

	mu    sync.Mutex
	from  map[net.Listener]struct{}
	conns map[*conn]struct{} // that were not handed on
	group sync.WaitGroup     // of all goroutines
}

// New returns a server that takes over std. Its Handler, which must be there, BaseContext, ConnContext, ReadHeaderTimeout,
// IdleTimeout, MaxHeaderBytes and ErrorLog hold for all connections; all else only for those that are handed on. Requests
// have the values of ConnContext and none of the base context, and end with the base context, not with that of
// ConnContext.
func New(std *http.Server) *Server {
	s := &Server{std: std, odd: newHandover(), from: map[net.Listener]struct{}{}, conns: map[*conn]struct{}{}}
	if inner := std.ConnContext; inner != nil {
		std.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return inner(ctx, original(c)) }
	}
	return s
}

// Serve serves the connections of l, which it closes in the end, until l or the server is closed.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.begin(l) {
		return http.ErrServerClosed
	}
	base := context.Background()
	if s.std.BaseContext != nil {
		base = s.std.BaseContext(l)
	}
	for failed := 0; ; {
		c, err := l.Accept()
		switch {
		case err == nil:
			failed = 0
			s.take(base, c)
		case s.closing.Load():
			return http.ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return err
		default: // too many open files, and the like
			failed++
			pause := min(time.Duration(failed)*10*time.Millisecond, time.Second)
			s.log("accept: %v; trying again in %v", err, pause)
			life.Pause(context.Background(), pause)
		}
	}
}

// begin notes a listener, and has net/http wait for what is handed to it.
func (s *Server) begin(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	if len(s.from) == 0 {
		s.group.Go(func() { _ = s.std.Serve(s.odd) })
	}
	s.from[l] = struct{}{}
	return true
}

// take serves a new connection in a goroutine of its own.
func (s *Server) take(base context.Context, nc net.Conn) {
	c := &conn{outlet: outlet{Conn: nc}, s: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		_ = nc.Close()
		return
	}
	c.ctx.Follow(base) // before Close can end it
	s.conns[c] = struct{}{}
	s.group.Go(func() {
		defer s.forget(c)
		if s.std.ConnContext != nil {
			c.carry(s.std.ConnContext(context.Background(), nc))
		}
		c.serve()
	})
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// Shutdown closes the listeners and the connections that wait for a request, and waits for the others until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop(func(c *conn) {
		if c.state.CompareAndSwap(waiting, gone) {
			_ = c.Close()
		}
	})
	err := s.std.Shutdown(ctx)
	done := make(chan struct{})
	go func() { s.group.Wait(); close(done) }()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close closes the listeners and all connections, and ends their requests. It does not wait.
func (s *Server) Close() error {
	s.stop(func(c *conn) {
		c.close()
		c.ctx.End(nil)
	})
	return s.std.Close()
}

// stop takes no connections any more, and does f to those there are.
func (s *Server) stop(f func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing.Store(true)
	for l := range s.from {
		_ = l.Close()
	}
	for c := range s.conns {
		f(c)
	}
}

// mostHead is the length of the longest head, in bytes.
func (s *Server) mostHead() int {
	if s.std.MaxHeaderBytes > 0 {
		return s.std.MaxHeaderBytes
	}
	return http.DefaultMaxHeaderBytes
}

func (s *Server) log(format string, args ...any) {
	if s.std.ErrorLog != nil {
		s.std.ErrorLog.Printf(format, args...)
	}
}
