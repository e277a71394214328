//go:build !unix

package h1

import "syscall"

// Keeps says that a [Transport] can use a connection for more than one request on this system.
const Keeps = false

// silent cannot tell here.
func silent(syscall.RawConn) bool { return false }
