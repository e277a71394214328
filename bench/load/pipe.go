package load

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Pipe leads to a stdio server and back.
type Pipe struct {
	In  io.WriteCloser // what the server reads; safe for several goroutines, and holds what it has not read yet
	Out io.Reader      // what it writes
}

// Pipes is a client of stdio servers over nothing but their pipes. It does no more than to ask and to check.
// One goroutine for each server reads its answers, and asks what the callers who got them ask next.
type Pipes struct{ servers []server }

type server struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// mostInFlight calls fit in one pipe, so that no write ever waits for a server that waits for us to read.
const (
	pipeSize     = 64 << 10
	mostInFlight = pipeSize / 256
)

// Greet opens a session with each server, so that all have started when calls begin.
func Greet(pipes []Pipe) (*Pipes, error) {
	p := &Pipes{}
	for i, pipe := range pipes {
		s := server{in: pipe.In, out: bufio.NewReaderSize(pipe.Out, pipeSize)}
		p.servers = append(p.servers, s)
		if err := s.greet(); err != nil {
			p.close()
			return nil, fmt.Errorf("stdio server %d: %w", i, err)
		}
	}
	return p, nil
}

func (s server) greet() error {
	const id = 0 // those of calls begin with 1
	if _, err := fmt.Fprintf(s.in, `{"jsonrpc":"2.0","id":%d,"method":"initialize","params":{%s}}`+"\n", id, hello); err != nil {
		return err
	}
	line, err := s.out.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	if _, err := check(line, id); err != nil {
		return err
	}
	_, err = io.WriteString(s.in, initialized+"\n")
	return err
}

// close ends what the servers read, which ends them.
func (p *Pipes) close() {
	for _, s := range p.servers {
		s.in.Close()
	}
}

// Run calls echo in a closed loop for a time, with a number of calls in flight. Each caller goes from server
// to server in an order of its own: callers who went the same way would all end up in one crowd, and no
// server would ever be woken for less than all of them. After the time, or the first error, Run closes what
// the servers read, and returns when all have ended what they write.
func (p *Pipes) Run(inFlight int, length time.Duration) (*Result, error) {
	defer p.close()
	if inFlight > mostInFlight {
		return nil, fmt.Errorf("%d calls in flight over pipes; at most %d are possible", inFlight, mostInFlight)
	}
	began := time.Now()
	all := newCallers(inFlight, len(p.servers), began.Add(length), p.close)
	readers := make([]*reader, len(p.servers))
	for i := range readers {
		readers[i] = &reader{callers: all, server: i, servers: p.servers, out: make([][]byte, len(p.servers))}
	}
	readers[0].askAll(began)
	var running sync.WaitGroup
	for _, r := range readers {
		running.Go(r.run)
	}
	running.Wait()
	total := &Result{Elapsed: time.Since(began)}
	for _, r := range readers {
		total.add(&r.result)
	}
	return total, all.err()
}

// reader reads the answers of one server.
type reader struct {
	callers *callers
	server  int
	servers []server
	out     [][]byte // what goes out next to each server
	text    []byte
	result  Result
}

func (r *reader) run() {
	if err := r.loop(); err != nil {
		r.callers.fail(err)
	}
}

// loop goes on until the answers end. What is asked after answers that came together goes out together.
func (r *reader) loop() error {
	answers := r.servers[r.server].out
	for {
		if answers.Buffered() == 0 {
			if err := r.send(); err != nil {
				return err
			}
		}
		line, err := answers.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && r.callers.gone():
			return nil
		case err != nil:
			return fmt.Errorf("no answer: %w", err)
		}
		if err := r.answer(line); err != nil {
			return err
		}
	}
}

// send writes what has been asked and is not yet written.
func (r *reader) send() error {
	for i, out := range r.out {
		if len(out) == 0 {
			continue
		}
		if _, err := r.servers[i].in.Write(out); err != nil {
			return err
		}
		r.out[i] = out[:0]
	}
	return nil
}
