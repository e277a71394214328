// Package probe is the token by which the doctor proves to a gateway that it may read the gateway's
// state directory.
//
// The gateway keeps a random key there, in a file only its user can read. A token is an expiry and
// its HMAC under that key; it is sent in the header [Header]. A [Key] is immutable and safe for concurrent
// use. The package starts no goroutine; only [Load] and [Open] touch files.
package probe
