package gateway

import (
	"crypto/rand"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

// The bounds of parked calls, of all clients and of one.
const (
	maxParked        = 10000
	maxParkedBytes   = 256 << 20
	maxParkedOf      = 1000
	maxParkedBytesOf = 64 << 20
)

// burden is what parked calls cost.
type burden struct {
	calls int
	bytes int
}

func (b burden) plus(more burden) burden  { return burden{b.calls + more.calls, b.bytes + more.bytes} }
func (b burden) minus(less burden) burden { return burden{b.calls - less.calls, b.bytes - less.bytes} }

// weight is what a message costs that is kept, in bytes.
func weight(m *mcp.Message) int { return len(m.Raw) + 512 }

// crowded decides whether what all clients' calls would cost, and those of the one, is too much.
func crowded(all, own burden) error {
	switch {
	case own.calls > maxParkedOf:
		return errCrowded("%d calls of this client wait for its answers, the most there may be", maxParkedOf)
	case own.bytes > maxParkedBytesOf:
		return errCrowded("the calls of this client that wait for its answers hold %d MiB, the most there may be", maxParkedBytesOf>>20)
	case all.calls > maxParked:
		return errCrowded("%d calls wait for their clients' answers, the most there may be", maxParked)
	case all.bytes > maxParkedBytes:
		return errCrowded("the calls that wait for their clients' answers hold %d MiB, the most there may be", maxParkedBytes>>20)
	}
	return nil
}

func errCrowded(format string, most int) error {
	return fault.New(fault.Busy, format, most).WithHint("repeat some of them with their requestState, or call again later: each is given up after %s", parkTime)
}

// hold counts bytes that are about to be kept for a call, and the call itself and its request when it comes first.
func (p *parking) hold(c *parked, bytes int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	more := burden{bytes: bytes}
	if c.held.calls == 0 {
		more = burden{1, bytes + c.size}
	}
	all, own := p.all.plus(more), p.of[c.caller].plus(more)
	if err := crowded(all, own); err != nil {
		return err
	}
	if c.held.calls == 0 {
		_, _ = rand.Read(c.id[:]) // never fails
		p.calls[c.id] = c
	}
	p.all, p.of[c.caller], c.held = all, own, c.held.plus(more)
	return nil
}

// free is told that less is kept for a call.
func (p *parking) free(c *parked, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.held.calls > 0 { // else all has been released
		p.subtract(c, burden{bytes: bytes})
	}
}

// release forgets a call and all that was kept for it.
func (p *parking) release(c *parked) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.held.calls > 0 {
		delete(p.calls, c.id)
		p.subtract(c, c.held)
	}
}

func (p *parking) subtract(c *parked, less burden) {
	p.all, c.held = p.all.minus(less), c.held.minus(less)
	if own := p.of[c.caller].minus(less); own == (burden{}) {
		delete(p.of, c.caller)
	} else {
		p.of[c.caller] = own
	}
}
