// Package peer is one bidirectional JSON-RPC connection over a stream of lines, with accounting of
// the calls in flight.
//
// Every message is one line. A [Peer] gives each incoming message to the one it belongs to: answers
// by their id, progress by its token, messages of a subscription by its id, all others to the calls of
// the one owner who has calls in flight, if there is only one, and else to the connection's own
// handler. That gets progress too whose call is over. It never guesses between owners.
//
// [Peer.Run] owns two goroutines besides its own: one writes, one waits for the context; the caller's
// reads. There is none per call. Everything else is safe for concurrent use, before, during and
// after Run.
//
// [Lines] and [Outbox], of which it is made, serve whoever else speaks over lines.
//
// The package does not open connections, knows no handshake and retries nothing.
package peer
