// Package h1 sends requests to one origin over plain HTTP/1.1, on connections that it keeps.
//
// A [Transport] does what http.Transport does, for the one case that a gateway has all day: a short POST and its short
// answer. The goroutine of the request writes it and reads the answer itself, so that no message changes hands on its
// way. What all requests have in common is put together once, as a [Head], and of an answer's head only that is looked
// at by which it ends; the rest is there for who asks. Heads are taken for what net/http takes them for, or refused.
//
// A Transport is safe for concurrent use and has no goroutine, but for one per request whose body is too large for
// the buffers of a socket; that one has ended when the answer has ended, or Do has failed. The dialling must end with
// its context.
//
// The package knows no TLS, no proxies, no HTTP/2, follows no redirects and asks for no compression.
package h1
