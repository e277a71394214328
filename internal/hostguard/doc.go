// Package hostguard decides whether a request may name the host and come from the web page that
// it says: the defence against pages that rebind their name to this machine.
//
// The raw Host decides, never a derived one alone, and an Origin is never compared with anything that
// came in the same request. [Guard] is immutable and safe for concurrent use. The package does no
// I/O and starts no goroutine.
package hostguard
