// Package h1 sends requests to one origin over plain HTTP/1.1, on connections that it keeps.
//
// A [Transport] is an http.RoundTripper like http.Transport, for the one case that a gateway has all day: a
// short POST and its short answer. The goroutine of the request writes it and reads the answer itself, so that no
// message changes hands on its way. What net/http parses, net/http parses here too.
//
// A Transport is safe for concurrent use and has no goroutine, but for one per request whose body is too large for
// the buffers of a socket; that one has ended when the body of the answer is closed.
//
// The body of a request has a known length, and reading it does not block: RoundTrip and the closing of an answer wait
// for who reads it. It is closed, and nobody reads it any more, when RoundTrip has failed or the answer has ended. The
// dialling must end with its context.
//
// The package knows no TLS, no proxies, no HTTP/2, follows no redirects and asks for no compression.
package h1
