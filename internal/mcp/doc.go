// Package mcp is the Model Context Protocol as data: scanning and splicing of messages,
// ids, versions and eras, the method table, the agreement of headers with bodies,
// and the translation of single messages between the eras.
//
// A message is parsed once, strictly, and only as deep as routing needs: [Scan]
// walks the envelope, params, result and their _meta objects, records where the
// members lie that somebody must read or replace, and checks everything else
// without building anything. Rewrites are splices ([Edit]) of the original bytes, so unknown
// members, number spellings and member order survive.
//
// The package is pure: no goroutine, no I/O, no state. All functions are safe
// for concurrent use; a [Message] may be read concurrently.
package mcp
