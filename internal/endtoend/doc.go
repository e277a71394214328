// Package endtoend holds tests of the whole way and nothing else: clients that write raw bytes to the real HTTP front,
// the real gateway behind it, the real drivers, and recording backends at the other end: child processes, streamable HTTP
// and HTTP+SSE servers.
//
// It shows what no package can show alone: that bytes arrive as they were sent, that every message comes back
// to its owner, that one bad backend delays nobody, who shares a connection with whom, and what a reload leaves alone.
//
// There is nothing to import here, so nothing starts a goroutine and nothing is safe or unsafe to share. Official clients
// and servers are not here either; they are in interop.
package endtoend
