// Package clients holds official MCP clients behind one interface, so that a
// test states once what all of them must see.
//
// [Go] is the Go SDK in this process, [Node] one of the two TypeScript SDKs
// in a child, [Inspector] the MCP Inspector's CLI, a process for each
// operation. A client that can be asked answers everything that must be
// answered with the text [Answer], and so does its model. Clients are safe for
// concurrent use if their SDK is; each is closed by the test's cleanup.
package clients
