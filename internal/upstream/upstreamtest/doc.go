// Package upstreamtest is the contract of [onemcp/internal/upstream] as tests, and the scripted MCP
// server that they run against. It is imported by tests only.
//
// A [Server] is real: it speaks both eras, runs as a child process ([Main], [Script.Command]) or behind any
// transport that hands it messages ([Server.Handle]). Its tools do what the contract must be shown with: echo
// bytes, report progress, hang, ask back, crash, talk out of turn. [Run] is the suite.
//
// A Server starts no goroutine; each Handle runs in its caller's. It is safe for concurrent use.
package upstreamtest
