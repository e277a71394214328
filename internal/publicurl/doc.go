// Package publicurl knows under which URL the gateway is reached from outside.
//
// [Parse] reads the external URLs of the configuration. [External.Base] is the one function by
// which absolute URLs are made: of the external URLs if there are any, else of the scheme and
// host that were derived for the request. [External.Route] takes a path prefix off, for
// proxies that do not. Everything is immutable and safe for concurrent use; the package does
// no I/O and starts no goroutine. Whether a host may be used at all is for package guard.
package publicurl
