// Package sse reads and writes server-sent events, the text/event-stream format of the HTML standard.
//
// [Reader] yields the events of a stream one by one, each bounded in size, and hands out
// their data without copying it; a large one may be had in pieces ([Reader.Begin], [Reader.Piece]).
// [Append] and [AppendComment] write events into a buffer. The package starts no goroutine and knows
// nothing of HTTP. The functions are safe for concurrent use, a Reader is not.
package sse
