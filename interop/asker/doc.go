// Package asker is an MCP server on the official Go SDK whose tools ask the
// user, or the user's model, in mid-call: as requests of its own in the legacy
// era, as results that want input in the modern one.
//
// It does what the everything-server cannot do in one era or the other, under
// the names of tools that the conformance suite calls. A server is safe for
// concurrent use and keeps nothing between calls: how far a modern call has
// come is in its request state.
package asker
