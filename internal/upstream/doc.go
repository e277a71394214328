// Package upstream is the contract between the gateway and its connections to backends, the
// opening handshake in both eras, and the decorators that every connection gets.
//
// A [Driver] makes a [Conn]; the conn's Run opens it, says when it is ready, serves it and returns
// when it has ended and everything it started has ended too. Drivers live in the packages below this
// one; the contract suite that each of them runs is in upstreamtest.
//
// The package itself starts goroutines only inside [Handshake], which waits for them. Everything
// here is safe for concurrent use.
package upstream
