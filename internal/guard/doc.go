// Package guard ends the process groups of a gateway that died without ending them itself.
//
// A [Guard] is a second process, the same program with a hidden command that calls [Main]. It sits in a session of its own, ignores
// the signals that end the gateway, and is told every process group over a pipe. When the pipe ends, however that
// came about, it ends the groups that are left: SIGTERM, a short wait, SIGKILL.
//
// [Guard.Run] owns one goroutine, which waits for the guard's process, and starts that process again should it die. Add and Remove
// are safe for concurrent use. Without process groups (not Unix) everything here does nothing.
//
// The package starts no backends, and does not reach a process that has left its group.
package guard
