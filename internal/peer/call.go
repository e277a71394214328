package peer

import (
	"errors"
	"sync"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
)

// A call is in the table of its peer until it is answered, fails or is given up; who takes it out of
// the table decides how it ends.
type call struct {
	id     uint64
	serial uint64 // by age
	owner  any
	listen bool // a subscription: all that belongs to it names it
	up     Handler
	woken  chan bool // gets true, once, when answer or err is set, and false if the context ends
	hook   life.Hook // on the context
	giveUp func()    // what hangs on it; made once
	answer mcp.Message
	err    error

	mu   sync.Mutex // held while up is called
	over bool       // nothing goes to up any more
}

// Attribution says whose the call is.
func (c *call) Attribution() Attribution { return Attribution{c.owner, c.serial, c.listen} }

// open puts a new call into the table.
func (p *Peer) open(r Request, up Handler) (*call, error) {
	c, ok := p.pool.Get().(*call)
	if !ok {
		c = &call{woken: make(chan bool, 2)}
		c.giveUp = func() { c.woken <- false }
	}
	c.id, c.owner, c.up, c.listen = r.ID, r.Owner, up, r.Method == mcp.MethodListen
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost != nil {
		return nil, errors.Join(ErrNotSent, p.lost)
	}
	if p.calls[r.ID] != nil {
		return nil, fault.New(fault.Internal, "request id %d is in use", r.ID)
	}
	p.serial++
	c.serial = p.serial
	p.calls[r.ID] = c
	return c, nil
}

// forget takes c out of the table and reports whether it was there.
func (p *Peer) forget(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls[c.id] != c {
		return false
	}
	delete(p.calls, c.id)
	return true
}

// abandon is forget for a call that the other side goes on with.
func (p *Peer) abandon(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls[c.id] != c {
		return false
	}
	delete(p.calls, c.id)
	if !c.listen {
		p.ghosts.Add(c.id, c.owner)
	}
	return true
}

// take takes the call of an id, which has been answered, out of the table; nil if it is not there.
func (p *Peer) take(id uint64) *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.calls[id]
	delete(p.calls, id)
	if c == nil {
		p.ghosts.Answered(id)
	}
	return c
}

// find returns the call of an id, nil if it is not in flight.
func (p *Peer) find(id uint64) *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[id]
}

// close returns what a call that is done has come to. If the reading goroutine ended it, and its context does not, nobody else
// holds it, so it is used again.
func (p *Peer) close(c *call, ctx *life.Context) (mcp.Message, error) {
	answer, err := c.answer, c.err
	if ctx.TakeOff(&c.hook) && !c.over {
		c.answer, c.err, c.owner, c.up = mcp.Message{}, nil, nil, nil
		p.pool.Put(c)
	}
	return answer, err
}

// fail ends a call that was taken out of the table.
func (c *call) fail(err error) {
	c.err = err
	c.woken <- true
}

// finish waits until up is left and keeps everybody from entering it again.
func (c *call) finish() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
}

// notify hands m to the call and reports whether it took it.
func (c *call) notify(m *mcp.Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.up.Notify(m)
	}
	return !c.over
}

// ask hands m to the call and reports whether it took it.
func (c *call) ask(m *mcp.Message, answer func([]byte)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.up.Ask(m, answer)
	}
	return !c.over
}
