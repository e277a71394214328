//go:build !unix

package h1

import "errors"

// Keeps says that a [Transport] can use a connection for more than one request on this system.
const Keeps = false

// isSilent cannot tell here.
func isSilent(uintptr) bool { return false }

func write(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
