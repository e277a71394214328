package front

import (
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/trace"
	"onemcp/internal/wire"
)

const (
	firstRead  = 64 << 10 // how much a client's word about its length is believed at once
	maxPooled  = 1 << 20  // larger buffers are left to the collector
	minReserve = 512
	maxDropped = 64 << 10 // of a body that is not meant to be
)

// inbound is a message from a client with the buffer it lies in.
type inbound struct {
	buf  []byte
	msg  mcp.Message
	body io.LimitedReader // where it comes from
}

// inboundPool keeps inbound messages for reuse. The zero value is ready.
type inboundPool struct{ pool sync.Pool }

func (p *inboundPool) get() *inbound {
	if in, ok := p.pool.Get().(*inbound); ok {
		return in
	}
	return new(inbound)
}

func (p *inboundPool) put(in *inbound) {
	if cap(in.buf) > maxPooled {
		return
	}
	in.msg = mcp.Message{}
	p.pool.Put(in)
}

// read takes the request's body as one message. The caller returns it to the pool when nobody
// reads it any more.
func (f *Front) read(x *exchange, r *http.Request) (*inbound, error) {
	in, err := f.receive(x, r)
	if err != nil {
		return nil, err
	}
	if err := in.scan(); err != nil {
		f.inbound.put(in)
		return nil, err
	}
	return in, nil
}

// receive is read without a look at what came.
func (f *Front) receive(x *exchange, r *http.Request) (*inbound, error) {
	if err := checkContentType(r.Header); err != nil {
		return nil, err
	}
	in := f.inbound.get()
	if err := f.readBody(in, x, r); err != nil {
		f.inbound.put(in)
		return nil, err
	}
	x.saw(trace.Received, in.buf)
	return in, nil
}

func (f *Front) readBody(in *inbound, x *exchange, r *http.Request) error {
	if r.ContentLength > f.MaxBody {
		return f.tooLarge()
	}
	in.body = io.LimitedReader{R: r.Body, N: f.MaxBody + 1}
	buf, err := readAll(in.buf[:0], &in.body, int(r.ContentLength))
	in.buf, in.body.R = buf, nil
	switch {
	case err != nil:
		return x.brokenBody(err)
	case int64(len(buf)) > f.MaxBody:
		return f.tooLarge()
	}
	x.readDeadline(time.Time{})
	return nil
}

// dropBody reads a body where none is meant, which some proxies send, so that nothing has to wait for the rest of it.
func (x *exchange) dropBody(r *http.Request) error {
	if r.Method == http.MethodPost || r.ContentLength == 0 {
		return nil
	}
	switch _, err := io.CopyN(io.Discard, r.Body, maxDropped); {
	case err == nil:
		return fault.New(fault.TooLarge, "%s takes no body with %s", r.URL.Path, r.Method)
	case !errors.Is(err, io.EOF):
		return x.brokenBody(err)
	}
	x.readDeadline(time.Time{})
	return nil
}

func (x *exchange) brokenBody(err error) error {
	x.Header().Set("Connection", "close") // else the server would wait for the rest
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &refusal{status: http.StatusRequestTimeout, err: fault.New(fault.Invalid, "the body did not come in time")}
	}
	return fault.New(fault.Invalid, "the body could not be read").WithCause(err)
}

func (f *Front) tooLarge() error {
	return fault.New(fault.TooLarge, "the message is over the limit of %d bytes", f.MaxBody).WithHint("raise server.maxBodySize")
}

// readAll reads src into dst, which it grows as the bytes come: want is only a claim.
func readAll(dst []byte, src io.Reader, want int) ([]byte, error) {
	if need := min(max(want+1, minReserve), firstRead); cap(dst) < need {
		dst = make([]byte, 0, need)
	}
	for {
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, room(len(dst), want))
		}
		n, err := src.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case errors.Is(err, io.EOF):
			return dst, nil
		case err != nil:
			return dst, err
		}
	}
}

// room is how much more is read after have bytes: as much again, or where more is claimed up to three times that, so that
// a long body is copied only a few times while it grows.
func room(have, want int) int {
	if left := want + 1 - have; left > 0 {
		return min(left, 3*have)
	}
	return have
}

// scan reads the message in the buffer.
func (in *inbound) scan() (err error) {
	in.msg, err = wire.Scan("body", in.buf)
	if fault.KindOf(err) == fault.Invalid && wire.IsBatch(in.buf) {
		return errNoBatch
	}
	return err
}
