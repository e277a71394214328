// Package server serves HTTP/1.1 to clients that keep their connections, for a fraction of what net/http takes.
//
// A [Server] stands before an http.Server. It serves requests that are plain: whole and unambiguous in their first
// bytes, with a length or without a body, in no need of an upgrade or an early word. A connection on which anything
// else comes is handed to the http.Server with all that was read of it, and stays there; so whatever is odd, old,
// broken or hostile is judged by net/http alone. What is plain, both understand in the same way.
//
// The goroutine of a connection reads the request, runs the handler and writes the answer. A client that goes away ends the
// context of its request, as with net/http; it is noticed a tenth of a second into the request, and at once from
// then on. Handlers must not change the request, nor use it or its body after they have returned: what a client repeats
// on a connection is read once.
package server
