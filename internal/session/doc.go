// Package session holds the sessions of the legacy era: the table with its caps and idle expiry, the
// requests a session has in flight, and the delivery of messages that belong to no request.
//
// A [Session] is made by [Table.Open] and found by its unguessable id. Messages for it wait in a bounded queue while
// no stream is attached. [Table.Run] expires idle sessions and ends them all when its context ends; it
// is the only goroutine, and the caller's. Everything is safe for concurrent use.
//
// Sessions are not persistent: after a restart clients get 404 and initialize again.
package session
