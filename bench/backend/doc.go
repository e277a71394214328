// Package backend is an MCP server that costs next to nothing, so that what stands before it is
// what a benchmark measures. It serves streamable HTTP in both eras from raw sockets, and stdio,
// from one core that answers bytes with bytes: the id comes back exactly as it was written.
//
// A goroutine serves each connection; Serve waits for them. A Profile, given by the path of the
// URL, says of which era the server is and how many tools it has, so one process is many servers.
package backend
