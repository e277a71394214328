package wire

import (
	"context"
	"errors"
	"net/http"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

// Form is what a kind of fault becomes. A refusal ends an HTTP request: its status is that of the kind. An
// answer belongs to a JSON-RPC request: a legacy one always travels with status 200, a modern one with that
// of [Status].
type Form struct {
	Status  int // of a refusal
	Refusal int // its JSON-RPC code
	Answer  int // the JSON-RPC code of an answer
}

// forms is the one table. Where an answer tells of a message that is malformed or too large, or of a lack of authorization, it was
// a backend's, or ours towards it: a client's own message of that kind is refused before it is a request.
var forms = [...]Form{
	fault.Internal:     {http.StatusInternalServerError, mcp.CodeInternal, mcp.CodeInternal},
	fault.Malformed:    {http.StatusBadRequest, mcp.CodeParse, mcp.CodeInternal},
	fault.Invalid:      {http.StatusBadRequest, mcp.CodeInvalidRequest, mcp.CodeInvalidParams},
	fault.Unsupported:  {http.StatusBadRequest, mcp.CodeInvalidRequest, mcp.CodeMethodNotFound},
	fault.NotFound:     {http.StatusNotFound, mcp.CodeInvalidRequest, mcp.CodeInvalidParams},
	fault.Conflict:     {http.StatusConflict, mcp.CodeInvalidRequest, mcp.CodeInvalidRequest},
	fault.TooLarge:     {http.StatusRequestEntityTooLarge, mcp.CodeInvalidRequest, mcp.CodeInternal},
	fault.Denied:       {http.StatusForbidden, mcp.CodeInvalidRequest, mcp.CodeInvalidRequest},
	fault.Unauthorized: {http.StatusUnauthorized, mcp.CodeInvalidRequest, mcp.CodeInternal},
	fault.Busy:         {http.StatusServiceUnavailable, mcp.CodeInternal, mcp.CodeInternal},
	fault.Unavailable:  {http.StatusServiceUnavailable, mcp.CodeInternal, mcp.CodeInternal},
	fault.Timeout:      {http.StatusGatewayTimeout, mcp.CodeInternal, mcp.CodeInternal},
	fault.Canceled:     {http.StatusServiceUnavailable, mcp.CodeInternal, mcp.CodeInternal},
}

// Of returns the form of an error.
func Of(err error) Form { return forms[KindOf(err)] }

// KindOf is fault.KindOf that knows the errors of contexts too. What it returns is in the table.
func KindOf(err error) fault.Kind {
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

// Public is fault.Public that knows the errors of contexts too.
func Public(err error) string {
	if _, ok := errors.AsType[*fault.Error](err); !ok {
		switch KindOf(err) {
		case fault.Timeout:
			return "the request took too long"
		case fault.Canceled:
			return "the request was given up"
		}
	}
	return fault.Public(err)
}

// AnswerCode returns the JSON-RPC code of a request that failed with err.
func AnswerCode(era mcp.Era, method string, err error) int {
	if r, ok := errors.AsType[*Refused](err); ok {
		return r.Code
	}
	kind := KindOf(err)
	if kind == fault.NotFound && era == mcp.Legacy && method == mcp.MethodResourcesRead {
		return mcp.CodeResourceNotFound
	}
	return forms[kind].Answer
}

// Answer returns the answer to a request that failed with err.
func Answer(era mcp.Era, m *mcp.Message, err error) []byte {
	var data []byte
	if r, ok := errors.AsType[*Refused](err); ok {
		data = r.Data
	}
	return mcp.AppendError(nil, m.IDBytes(), AnswerCode(era, m.Method, err), Public(err), data)
}

// Refuse returns the answer, where there is no status, to a message that was refused as such; a nil id is unknown.
func Refuse(id []byte, err error) []byte {
	return mcp.AppendError(nil, id, Of(err).Refusal, Public(err), nil)
}

// Status returns the HTTP status of a modern answer with the JSON-RPC error code; 0 is a result.
func Status(code int) int {
	switch code {
	case mcp.CodeMethodNotFound:
		return http.StatusNotFound
	case mcp.CodeHeaderMismatch, mcp.CodeMissingCapability, mcp.CodeUnsupportedVersion:
		return http.StatusBadRequest
	}
	return http.StatusOK
}
