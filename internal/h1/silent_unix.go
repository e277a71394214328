//go:build unix

package h1

import (
	"errors"
	"syscall"
)

// Keeps says that a [Transport] can use a connection for more than one request on this system.
const Keeps = true

// silent reports whether there is nothing to read from an idle socket: neither the other side's end nor bytes that
// nobody has asked for.
func silent(raw syscall.RawConn) bool {
	quiet := false
	err := raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, err := syscall.Read(int(fd), one[:])
		quiet = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && quiet
}
