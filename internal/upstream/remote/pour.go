package remote

import (
	"context"
	"errors"
	"io"
	"sync"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

// pourer returns where the rest of a large answer goes while it comes, nil if it is to be taken whole: because its caller wants
// that, or it is no result of the call, or a trace shows whole messages, or so little may come that its length had
// better be known first.
func (s *streamable) pourer(c *call, b *body) io.WriteCloser {
	if s.ledger.saw != nil || s.at.max <= headSize || !mcp.BeginsResult(b.text, c.ID) {
		return nil
	}
	return c.pour(b.from.length)
}

// pour passes on an answer piece by piece. Each is read into the memory of the one before.
func (s *streamable) pour(c *call, b *body, to io.WriteCloser) error {
	for total := 0; ; {
		if total += len(b.text); total > s.at.max {
			return s.at.errTooLarge()
		}
		if _, err := to.Write(b.text); err != nil {
			return s.at.errPour(&c.ctx, err)
		}
		if b.ended {
			break
		}
		b.text = b.text[:0]
		if err := b.readOnce(cap(b.text)); err != nil {
			return err
		}
	}
	if err := to.Close(); err != nil {
		return s.at.errPour(&c.ctx, err)
	}
	c.poured()
	return nil
}

// errPour tells a message that was wrong from a client that does not take it.
func (e *endpoint) errPour(ctx context.Context, err error) error {
	if syntax, ok := errors.AsType[*mcp.SyntaxError](err); ok {
		return e.errMalformed(syntax)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fault.New(fault.Canceled, "the client has not taken the answer").WithCause(err)
}

// heads keeps the memory that large answers are read into. The zero value is ready.
type heads struct{ pool sync.Pool }

func (p *heads) get() *[headSize]byte {
	if b, ok := p.pool.Get().(*[headSize]byte); ok {
		return b
	}
	return new([headSize]byte)
}

func (p *heads) put(b *[headSize]byte) {
	if b != nil {
		p.pool.Put(b)
	}
}
