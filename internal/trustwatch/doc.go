// Package trustwatch watches for proxies that are set up wrongly and clients that forge.
//
// A [Watch] is fed with every [trustproxy.Decision]. It counts by flag, logs the first
// sighting of a flag from a network at once and the rest in one line a minute, raises alerts
// past a rate, keeps the last anomalies and a tally for each peer, and notices one peer with
// many claims and one session from many networks.
//
// All of it is bounded, whatever strangers send. Feeding is safe for concurrent use and never
// blocks on the network; [Watch.Run] owns the one goroutine, which writes the summaries and
// delivers the alerts, and returns after it ended. The package decides nothing about a
// request, and only keeps keyed hashes of sessions and claims.
package trustwatch
