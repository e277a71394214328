// Package eragate makes a server of both eras look like one of a single era.
//
// It stands before a server, over stdio or HTTP, and refuses the other era's
// opening as a server that never heard of it does; everything else passes as
// it came, but for the list of versions that a discovery names. The decisions
// are pure; [Gate.Proxy] starts no goroutine, [Gate.Filter] waits for its own.
// It is a fixture: it knows only what an opening looks like.
package eragate
