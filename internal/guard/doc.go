// Package guard decides which Host and which Origin a request may bring.
//
// [New] compiles the settings; [Guard.Host] and [Guard.Origin] judge one request each and say
// in their refusal what was seen and which setting would allow it. The host guard stops pages
// that rebind their own name to this machine from reading answers; the origin guard stops
// browsers' cross-site requests, and is the one that holds while the host guard is permissive.
// A Guard is immutable and safe for concurrent use. The package does no I/O, starts no
// goroutine, counts nothing and does not know HTTP status codes.
package guard
