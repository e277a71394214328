// Package bulk is an MCP server on the official Go SDK with one tool, whose
// result is as large as it is asked to be. [Handler] serves it in each of the
// ways that the SDK has over streamable HTTP; node/bulk.mjs is the same with
// both TypeScript SDKs.
//
// [Result] says what the tool answers, in whatever language it is written, so
// that a test knows every byte before it asks. A server keeps nothing between
// calls and is safe for concurrent use; it starts no goroutine but the SDK's.
package bulk
