package front

import (
	"errors"
	"runtime/debug"

	"onemcp/internal/fault"
)

// logged returns the side of err that is for the log: all a fault knows, else the text.
func logged(err error) any {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	return err.Error()
}

func stack() string { return string(debug.Stack()) }
