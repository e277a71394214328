// Package session holds the sessions of the legacy era: the table with its caps and idle expiry, the
// requests a session has in flight, and its streams.
//
// A [Session] is made by [Table.Open] and found by its unguessable id. Each of its streams, the session's own and one for
// each POST that is answered with a stream, is a [Stream]: messages wait in it while no connection
// reads it, and those that were written stay for a while, so that a client that lost a connection goes on where it was
// ([Session.Continue]). A stream has one reader; the newest wins.
//
// What is kept is bounded: 256 messages and 1 MiB a session (or one larger message), five minutes after a stream
// was last used, and [Limits].Kept for all sessions. Beyond the bounds the oldest messages are lost. A session that has
// had no message to keep has no memory for any.
//
// [Table.Run] expires idle sessions and ends them all when its context ends; it
// is the only goroutine, and the caller's. Everything is safe for concurrent use.
//
// Sessions are not persistent: after a restart clients get 404 and initialize again.
package session
