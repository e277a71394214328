// Package trustproxy finds out who the client of a request is, and under which scheme and
// host it asked, behind any chain of proxies.
//
// [ParseText] and [ParseJSON] read the value of the trustProxy setting into a [Setting].
// [Setting.Compile] turns it, with the contents of its file: and dns: lists, into an
// immutable [Policy]. [Policy.Derive] is a pure function of the policy and one request's
// [Input]; its [Decision] is a plain value.
//
// Three laws hold everywhere. A list is read from the right, hop by hop, and only as far
// as it is verified. Text of a client never becomes an address. A broken entry leaves the
// last verified address, marked degraded, and degraded never earns privileges.
//
// The package does no I/O, starts no goroutine and keeps no state; everything in it is
// safe for concurrent use. It does not load lists (package trustlist does), does not
// judge hosts and origins (package hostguard), and counts nothing (package trustwatch).
package trustproxy
