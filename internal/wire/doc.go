// Package wire is what errors become towards clients: one table from kinds of faults to HTTP statuses and
// JSON-RPC codes, the reading of what clients send, and the checks of what a modern request must say of itself, whose
// refusals have codes of their own.
//
// It is pure: no goroutine, no I/O, no state. It knows no transport; who answers over HTTP takes the status
// too, who answers over a pipe takes the body alone.
package wire
