package remote

import (
	"context"
	"errors"
	"io"
	"sync"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// A source is a large message on its way.
type source interface {
	// Piece returns what comes next of it, from its beginning on, and io.EOF behind the last. It is valid until the next call.
	Piece() ([]byte, error)
}

// pourer returns where a large answer goes while the rest comes, nil if it is to be taken whole: because
// its caller wants that, or it is no result of the call, or a trace shows whole messages, or so little may come that its
// length had better be known first.
func (s *streamable) pourer(c *call, r upstream.Coming) io.WriteCloser {
	if s.ledger.saw != nil || s.at.max <= headSize || !mcp.BeginsResult(r.Head, c.ID) {
		return nil
	}
	to := c.pour(r)
	if to != nil {
		s.ledger.pours(c)
	}
	return to
}

// pour passes on an answer piece by piece.
func (s *streamable) pour(c *call, from source, to io.WriteCloser) error {
	for total := 0; ; {
		piece, err := from.Piece()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if total += len(piece); total > s.at.max {
			return s.at.errTooLarge()
		}
		if _, err := to.Write(piece); err != nil {
			return s.at.errPour(&c.ctx, err)
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
