// Package obs is what the gateway measures of itself: instruments bound once, and the handler
// that shows them to Prometheus.
//
// Labels are bounded: no address, name or path of a client ever becomes one. [Metrics] is safe for
// concurrent use; the package starts no goroutine and sets no policy.
package obs
