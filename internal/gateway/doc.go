// Package gateway is the runtime: the backends with their connections, the current catalog, the
// way of one call and the way of one reload.
//
// [Gateway.Run] owns every goroutine: one per backend that keeps its connection open, and those of
// the connections themselves; it returns when all have ended. [Gateway.Apply] swaps the
// configuration while calls go on. The front hands in clients' messages through
// [Gateway.Serve] and [Gateway.Notify]; what goes to a client beside its answers leaves through the
// [Stream] of a request or the client's session. Everything exported is safe for concurrent use.
//
// The package knows no HTTP and no configuration file. It answers in raw JSON-RPC or with
// errors of package fault, which the front turns into wire codes.
package gateway
