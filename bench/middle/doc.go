// Package middle starts what stands between the load and the backends: nothing, the reverse proxies
// that everybody knows, 1mcp, and any gateway that a user names by URL or by command. It reads the
// processor time and the memory of their processes from the operating system.
//
// A Running owns its process and ends it in Stop.
package middle
