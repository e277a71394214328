// Package load asks and checks. A Client is one connection of an MCP client of either era; a Run
// lets many of them ask in a closed loop, each its next question when the last is answered. Every
// answer must carry the id and the text that belong to its question, else the run fails: a fast
// answer for somebody else is worth nothing.
//
// A Client belongs to one goroutine at a time. Run starts its goroutines and waits for them.
package load
