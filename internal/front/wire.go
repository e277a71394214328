package front

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

// wire is the one table from kinds of faults to the wire. A refusal ends the HTTP request: its status is that
// of the kind. An answer belongs to a JSON-RPC request: a legacy one always travels with
// status 200, a modern one with that of [modernStatus].
var wire = [...]struct {
	status  int // of a refusal
	refusal int // its JSON-RPC code
	answer  int // the JSON-RPC code of an answer
}{
	fault.Internal:     {http.StatusInternalServerError, mcp.CodeInternal, mcp.CodeInternal},
	fault.Malformed:    {http.StatusBadRequest, mcp.CodeParse, mcp.CodeParse},
	fault.Invalid:      {http.StatusBadRequest, mcp.CodeInvalidRequest, mcp.CodeInvalidParams},
	fault.Unsupported:  {http.StatusBadRequest, mcp.CodeInvalidRequest, mcp.CodeMethodNotFound},
	fault.NotFound:     {http.StatusNotFound, mcp.CodeInvalidRequest, mcp.CodeInvalidParams},
	fault.Conflict:     {http.StatusConflict, mcp.CodeInvalidRequest, mcp.CodeInvalidRequest},
	fault.TooLarge:     {http.StatusRequestEntityTooLarge, mcp.CodeInvalidRequest, mcp.CodeInvalidRequest},
	fault.Denied:       {http.StatusForbidden, mcp.CodeInvalidRequest, mcp.CodeInvalidRequest},
	fault.Unauthorized: {http.StatusUnauthorized, mcp.CodeInvalidRequest, mcp.CodeInvalidRequest},
	fault.Busy:         {http.StatusServiceUnavailable, mcp.CodeInternal, mcp.CodeInternal},
	fault.Unavailable:  {http.StatusServiceUnavailable, mcp.CodeInternal, mcp.CodeInternal},
	fault.Timeout:      {http.StatusGatewayTimeout, mcp.CodeInternal, mcp.CodeInternal},
	fault.Canceled:     {http.StatusServiceUnavailable, mcp.CodeInternal, mcp.CodeInternal},
}

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
	row := wire[kindOf(err)]
	if out.status == 0 {
		out.status = row.status
	}
	if out.code == 0 {
		out.code = row.refusal
	}
	return out
}

// body returns the JSON-RPC form of a completed refusal.
func (r *refusal) body(err error) []byte {
	return mcp.AppendError(nil, r.id, r.code, public(err), r.data)
}

// kindOf is fault.KindOf that knows the errors of contexts too.
func kindOf(err error) fault.Kind {
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return min(fault.KindOf(err), fault.Canceled)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Timeout
	case errors.Is(err, context.Canceled):
		return fault.Canceled
	}
	return fault.Internal
}

// public is fault.Public that knows the errors of contexts too.
func public(err error) string {
	if _, ok := errors.AsType[*fault.Error](err); !ok {
		switch kindOf(err) {
		case fault.Timeout:
			return "the request took too long"
		case fault.Canceled:
			return "the request was given up"
		}
	}
	return fault.Public(err)
}

// answerCode returns the JSON-RPC code of a request that failed with err.
func answerCode(era mcp.Era, method string, err error) int {
	kind := kindOf(err)
	if kind == fault.NotFound && era == mcp.Legacy && method == mcp.MethodResourcesRead {
		return mcp.CodeResourceNotFound
	}
	return wire[kind].answer
}

// refuses reports whether the error of a legacy request that got as far as the gateway is a refusal all the
// same: the session is gone, or the id belongs to another request, to which an
// answer would be attributed.
func refuses(err error) bool {
	return errors.Is(err, session.ErrEnded) || fault.KindOf(err) == fault.Conflict
}

// modernStatus returns the HTTP status of a modern answer with the JSON-RPC error code; 0 is a result.
func modernStatus(code int) int {
	switch code {
	case mcp.CodeMethodNotFound:
		return http.StatusNotFound
	case mcp.CodeHeaderMismatch, mcp.CodeMissingCapability, mcp.CodeUnsupportedVersion:
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// refuseRequest refuses a modern request with a code, which decides the status.
func refuseRequest(m *mcp.Message, code int, data []byte, err *fault.Error) error {
	return &refusal{status: http.StatusBadRequest, code: code, id: bytes.Clone(m.IDBytes()), data: data, err: err}
}
