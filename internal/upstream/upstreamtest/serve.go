package upstreamtest

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"sync"
)

// Serve speaks one message per line until in ends; then it cancels what is running and returns.
func (s *Server) Serve(in io.Reader, out io.Writer) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var mu sync.Mutex
	send := func(msg []byte) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = out.Write(append(msg, '\n')) // the end of in follows
	}
	s.SetOutlet(send)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		line = bytes.TrimSpace(line)
		arrived := s.arrival()
		running.Go(func() { s.Handle(ctx, line, send) })
		<-arrived
	}
	cancel()
	running.Wait()
}

// arrival is closed when the next message has been recorded, so that messages are
// recorded in the order they came.
func (s *Server) arrival() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived
}
