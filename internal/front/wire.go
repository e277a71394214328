package front

import (
	"bytes"
	"errors"
	"net/http"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/wire"
)

// refusal is an error that HTTP or the modern transport gives a status or a code of its own.
type refusal struct {
	status int           // 0: by kind
	code   int           // JSON-RPC; 0: by kind
	id     []byte        // raw, of the request that is refused; nil: unknown
	data   []byte        // raw, of the JSON-RPC error; may be nil
	allow  string        // for the Allow header
	retry  time.Duration // for the Retry-After header; 0: none
	err    *fault.Error  // never nil
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// refusalOf completes any error to a refusal.
func refusalOf(err error) refusal {
	var out refusal
	if r, ok := errors.AsType[*refusal](err); ok {
		out = *r
	}
	form := wire.Of(err)
	if out.status == 0 {
		out.status = form.Status
	}
	if out.code == 0 {
		out.code = form.Refusal
	}
	return out
}

// body returns the JSON-RPC form of a completed refusal.
func (r *refusal) body(err error) []byte {
	return mcp.AppendError(nil, r.id, r.code, wire.Public(err), r.data)
}

// refuses reports whether the error of a legacy request that got as far as the gateway is a refusal all the
// same: the session is gone, or the id belongs to another request, to which an
// answer would be attributed.
func refuses(err error) bool {
	return errors.Is(err, session.ErrEnded) || fault.KindOf(err) == fault.Conflict
}

// refuseModern refuses a modern request over what it says of itself.
func refuseModern(m *mcp.Message, err error) error {
	r, ok := errors.AsType[*wire.Refused](err)
	if !ok {
		return err
	}
	return &refusal{status: http.StatusBadRequest, code: r.Code, id: bytes.Clone(m.IDBytes()), data: r.Data, err: r.Err}
}
