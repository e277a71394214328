// Package ratelimit bounds requests by caller and in all.
//
// A [Limiter] holds a token bucket a key in a bounded table, the longest unused leaving first, and one bucket for
// all. It is safe for concurrent use; the package starts no goroutine.
package ratelimit
