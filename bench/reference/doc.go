// Package reference holds what the gateway is compared with: httputil.ReverseProxy set up in the
// ordinary way, and a bare net/http handler with answers prepared beforehand, which is what any Go
// server costs that does nothing. Each serves until its context ends.
package reference
