//go:build !unix

package h1

import "syscall"

// silent cannot tell here; a connection that has been closed fails its next request.
func silent(syscall.RawConn) bool { return true }
