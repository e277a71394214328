// Package load asks and checks. A Client is one connection of an MCP client of either era; a Run
// lets many of them ask in a closed loop, each its next question when the last is answered. Pipes do the same over
// the pipes of stdio servers, with nothing between. Every
// answer must carry the id and the text that belong to its question, else the run fails: a fast
// answer for somebody else is worth nothing.
//
// A Client belongs to one goroutine at a time. Runs start their goroutines and wait for them.
package load
