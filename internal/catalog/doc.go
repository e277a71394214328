// Package catalog is the immutable picture of all that the backends offer: merged
// names, the routes behind them, and the view that one caller has of it.
//
// A [Member] is one backend with what it listed; [Build] merges members into a [Catalog]; a [Selector]
// picks members and makes a [View]. Listing and calling go through the same View, so what cannot
// be listed cannot be called.
//
// The package starts no goroutine. Everything is immutable once built (views and
// their prepared bodies are made once, on first use) and safe for concurrent use.
package catalog
