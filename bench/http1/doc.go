// Package http1 reads HTTP/1.1 messages from a connection with as little work as possible: the
// start line, the few headers that the benchmark needs, and a body of fixed length or in chunks.
// It is no general HTTP: whatever it does not know is an error. A Reader belongs to one goroutine.
package http1
