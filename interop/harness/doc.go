// Package harness starts the programs that the interoperability tests speak
// with: the built gateway, official servers, and what stands between.
//
// [Build] compiles what is ours or in Go, once for a test binary. [Start]
// runs a child and owns two goroutines for it, which end with the child; the
// test's cleanup kills the child by its id and waits for it. A test waits for
// facts: a line a child prints, its end, a connection; never for time.
//
// A Child is safe for concurrent use. The package knows nothing of MCP; the
// clients are in package clients.
package harness
