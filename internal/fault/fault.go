package fault

import (
	"errors"
	"fmt"
	"log/slog"
)

// Kind says what went wrong in terms that decide the wire code and exit code.
type Kind uint8

// The kinds. Internal is the zero value: an error nobody classified.
const (
	Internal     Kind = iota // our own defect, or unclassified
	Malformed                // not JSON, or refused by the strict scanner
	Invalid                  // well-formed but wrong: a parameter, a setting
	Unsupported              // a method or feature that does not exist here
	NotFound                 // hidden and absent are the same
	Conflict                 // clashes with what is there: a duplicate id, a port in use
	TooLarge                 // over a configured limit
	Denied                   // known and refused
	Unauthorized             // not known
	Busy                     // over a rate or concurrency limit
	Unavailable              // a backend is away
	Timeout                  // a backend stayed silent for too long
	Canceled                 // the caller gave up
)

var kindNames = [...]string{
	"internal", "malformed", "invalid", "unsupported", "not found", "conflict", "too large",
	"denied", "unauthorized", "busy", "unavailable", "timeout", "canceled",
}

// String returns the kind's name as it stands in logs.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Error is an error with a public and a private side.
type Error struct {
	Kind   Kind
	Public string // one sentence for people and clients; holds no secret
	Hint   string // what to do about it; may be empty
	Cause  error  // for the log only; may be nil
}

// New returns an error of the kind with a public sentence.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Public: fmt.Sprintf(format, args...)}
}

// WithHint returns a copy of e that carries the remedy.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// WithCause returns a copy of e that carries the private cause.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Error returns the public sentence and the hint, never the cause.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Public
	}
	return e.Public + " (" + e.Hint + ")"
}

// Unwrap returns the private cause, so that errors.Is sees through.
func (e *Error) Unwrap() error { return e.Cause }

// LogValue implements slog.LogValuer with all that the log may know.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", e.Kind.String()), slog.String("msg", e.Public)}
	if e.Hint != "" {
		attrs = append(attrs, slog.String("hint", e.Hint))
	}
	if e.Cause != nil {
		attrs = append(attrs, slog.String("cause", e.Cause.Error()))
	}
	return slog.GroupValue(attrs...)
}

// KindOf returns the kind of the first *Error in err's chain, or Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Public returns what may be told about err: the public side of the first *Error in its
// chain, or a sentence that says nothing.
func Public(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Error()
	}
	return "internal error"
}
