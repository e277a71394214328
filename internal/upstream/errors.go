package upstream

import (
	"errors"
	"fmt"
)

// ErrSessionLost is the cause of an Unavailable fault when the backend has forgotten the session
// (HTTP 404 with a session id): a new connection may serve the call.
var ErrSessionLost = errors.New("the backend has ended the session")

// ErrNotSent is in the chain of an Unavailable fault when the connection had ended before the call began: the
// backend knows nothing of it.
var ErrNotSent = errors.New("the request was not sent")

// StatusError is an HTTP answer that is no JSON-RPC message.
type StatusError struct {
	Code int
	Text string // the start of the body, for the log; bounded
}

// Error implements error. It shows the status only: a body may hold secrets.
func (e *StatusError) Error() string { return fmt.Sprintf("HTTP status %d", e.Code) }

// LateProbe tells that a backend proved modern after initialize had been sent to it already: it
// must be opened afresh, as modern.
type LateProbe struct{}

// Error implements error.
func (LateProbe) Error() string { return "the backend answered server/discover too late" }
