//go:build unix

package h1

import (
	"errors"
	"syscall"
)

// Keeps says that a [Transport] can use a connection for more than one request on this system.
const Keeps = true

// isSilent reports whether there is nothing to read from an idle socket: neither the other side's end nor bytes that
// nobody has asked for.
func isSilent(fd uintptr) bool {
	var one [1]byte
	_, err := syscall.Read(int(fd), one[:])
	return errors.Is(err, syscall.EAGAIN)
}

// write writes to a socket what it takes at once.
func write(fd uintptr, p []byte) (int, error) {
	n, err := syscall.Write(int(fd), p)
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR) {
		return 0, nil
	}
	return max(n, 0), err
}
