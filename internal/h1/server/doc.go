// Package server serves HTTP/1.1 to clients that keep their connections, for a fraction of what net/http takes.
//
// A [Server] stands before an http.Server. It serves requests that are plain: HTTP/1.1 with a head that can be read in one
// way only, with a length or without a body, in no need of an upgrade or an early word. A connection on which anything
// else comes is handed to the http.Server with all that was read of it, and stays there; so whatever is odd, old,
// broken or hostile is judged by net/http alone, as soon as it cannot become plain. What is plain, both understand in
// the same way. The tests hold every answer against net/http's. By intent, these differ: a body that was not read to its
// end is not awaited, and the connection ends with the answer; there are no informational answers and no trailers; and a write ends in time
// on every connection, those that are handed on too, though its handler has set no deadline.
//
// The goroutine of a connection reads the request, runs the handler and writes the answer. A client that goes away, or
// says that it will send no more, ends the context of its request, as with net/http. It is noticed a tenth of a second
// after the request has come whole, or at once from then on, unless the client has sent some of its next request. Handlers must not
// change the request, nor use it, its body or the header of its answer after they have returned: what a client repeats on a
// connection is read once.
package server
