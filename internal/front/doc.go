// Package front is the gateway's HTTP side: it turns requests into messages for the gateway, and
// its answers and errors into the wire of both eras.
//
// [New] makes a [Front], an http.Handler that serves
//
//	POST, GET, DELETE  /mcp, /mcp/servers/{name}    streamable HTTP, both eras on one URL
//	GET                /sse, /sse/servers/{name}    the old HTTP+SSE transport
//	POST               /messages                    its messages
//	GET, HEAD          /health, /health/live, /health/ready
//	GET, HEAD          /                            what this is, as a page or JSON
//
// [Server] gives the http.Server it is meant to run in. What an error becomes on the wire is
// decided in package wire alone.
//
// A Front is safe for concurrent use. Every goroutine belongs to a request and has ended when
// its handler returns: the writer of an event stream, and the calls of an old client, which belong to
// its stream. A legacy call outlives its client's connection, but neither its handler nor its
// session. The package keeps no state but the old clients' open streams; sessions are
// the session table's.
package front
