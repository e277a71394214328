// Package stdio serves one client over a pair of pipes, one message a line: the gateway as a stdio server, for both eras.
//
// An initialize opens the one legacy session there can be; a request with the labels of the modern era is served by what
// it says itself, before, after or without an initialize. The pipe is the conversation: to backends with a connection for
// each session, all modern requests of a [Front] are one client.
//
// [Front.Run] owns all goroutines: the reader, the writer, one for each call in flight, and one that passes on what the
// session has for its client. It returns after all of them have ended, but for a read or a write that blocks in a file
// that cannot be closed under it: the process is expected to end then. What waits for a client that does not read is
// bounded; beyond the bound the client counts as gone.
//
// A Front is used for one Run. It decides nothing about backends, opens no file and writes nothing but messages.
package stdio
