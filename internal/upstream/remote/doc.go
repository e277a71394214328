// Package remote drives backends over HTTP: streamable HTTP in both eras, and the HTTP+SSE transport of
// 2024-11-05.
//
// A [Driver] makes connections to one URL, which share a pool of sockets; drivers of one origin can share theirs, see [Sockets]. The Run of a connection owns all
// goroutines that belong to no call: the stream of a legacy session, answers and cancellations on
// their way to the backend, and what is left of answered streams. Beside them it needs none while it waits, see
// [upstream.Rester]; that of HTTP+SSE does. A call runs in its caller's goroutine. All exported methods are safe for concurrent use.
//
// Nothing is sent to an origin other than that of the configured URL: redirects and
// endpoints that lead elsewhere are refused.
//
// The package does not reconnect a lost session (whoever called Run does), does not log in, and
// stores no answers.
package remote
