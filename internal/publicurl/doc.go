// Package publicurl knows under which URL clients reach the gateway.
//
// External URLs, where they are configured, are the answer always and alone; without them it is what
// trust proxy derived for the request. One [Base] holds the settings; it is immutable
// and safe for concurrent use. The package does no I/O and starts no goroutine.
package publicurl
