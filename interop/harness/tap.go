package harness

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// A Tap is a TCP proxy before a server. What the server sends can be held in
// the middle, and the connection be cut there.
type Tap struct {
	Addr string // where it listens

	listener net.Listener
	all      sync.WaitGroup
	ended    chan struct{}
	mu       sync.Mutex
	to       string
	hold     *Hold
	open     map[net.Conn]bool // both ends of each; nil once it is closed
}

// A Hold waits for the connection over which a server sends so many bytes,
// those of all connections counted from the beginning of the hold on.
type Hold struct {
	Reached chan struct{} // closed when it is held
	left    int
	goOn    chan bool
}

// Release lets the rest pass, now or when it comes to be held.
func (h *Hold) Release() { h.end(true) }

// Cut ends the connection; what has not passed is lost.
func (h *Hold) Cut() { h.end(false) }

func (h *Hold) end(goOn bool) {
	select {
	case h.goOn <- goOn:
	default: // it has ended
	}
}

// StartTap starts a tap before the server at addr. It ends with the test.
func StartTap(t testing.TB, addr string) *Tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Tap{Addr: l.Addr().String(), listener: l, to: addr, open: map[net.Conn]bool{}, ended: make(chan struct{})}
	p.all.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// To has new connections lead to another server.
func (p *Tap) To(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = addr
}

// Hold begins a hold in the place of one before, which must be over.
func (p *Tap) Hold(bytes int) *Hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = &Hold{Reached: make(chan struct{}), left: bytes, goOn: make(chan bool, 1)}
	return p.hold
}

func (p *Tap) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.serve(client) })
	}
}

// serve is one connection, until either side ends it.
func (p *Tap) serve(client net.Conn) {
	p.mu.Lock()
	to := p.to
	p.mu.Unlock()
	server, err := net.Dial("tcp", to)
	if err != nil {
		_ = client.Close()
		return
	}
	end := func() {
		_, _ = client.Close(), server.Close() // twice is fine
		p.forget(client, server)
	}
	defer end()
	if !p.remember(client, server) {
		return
	}
	p.all.Go(func() {
		_, _ = io.Copy(struct{ io.Writer }{server}, client)
		end()
	})
	p.pass(client, server)
}

// pass passes on what the server sends. It reads little at a time: what is
// held lies with the server, not here.
func (p *Tap) pass(client, server net.Conn) {
	const little = 32 << 10
	_ = server.(*net.TCPConn).SetReadBuffer(little)
	b := make([]byte, little)
	for {
		n, err := server.Read(b)
		if n > 0 && p.passes(n) {
			_, err = client.Write(b[:n])
		} else if n > 0 {
			err = errors.New("cut")
		}
		if err != nil {
			return
		}
	}
}

// passes counts n bytes, and reports whether they are to pass, after a hold perhaps.
func (p *Tap) passes(n int) bool {
	p.mu.Lock()
	h := p.hold
	held := false
	if h != nil {
		h.left -= n
		if held = h.left <= 0; held {
			p.hold = nil
		}
	}
	p.mu.Unlock()
	if !held {
		return true
	}
	close(h.Reached)
	select {
	case goOn := <-h.goOn:
		return goOn
	case <-p.ended:
		return false
	}
}

// remember notes what is to be closed at the end, unless that has come.
func (p *Tap) remember(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.open != nil {
			p.open[c] = true
		}
	}
	return p.open != nil
}

func (p *Tap) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.open, c)
	}
}

func (p *Tap) close() {
	_ = p.listener.Close()
	close(p.ended)
	p.mu.Lock()
	for c := range p.open {
		_ = c.Close()
	}
	p.open = nil
	p.mu.Unlock()
	p.all.Wait()
}
