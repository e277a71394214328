// Package example is the built-in MCP server: small, real, and always at hand.
//
// It is what a newcomer meets before anything is configured, and what our
// tests start as a real child process. It speaks every protocol version over
// one pair of streams. No opening locks it: a request with modern metadata is
// answered in the modern way, any other one in the legacy way, once
// initialize has come.
//
// [Serve] owns its goroutines: one that reads, and one for each tool call and
// each listener in flight. All of them but the reader end before Serve
// returns; the reader ends with its stream, since a blocked Read cannot be
// interrupted. Calls run concurrently; several Serves share nothing.
//
// It does not take batches, does not page its lists, has no tasks, and keeps
// nothing between calls: what a modern retry needs is in the retry.
package example
