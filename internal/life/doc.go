// Package life is the context of one call: like a context of the standard library, for a fraction of its cost.
//
// A gateway makes several contexts for each call, almost none of which is ever cancelled or waited
// on. A [Context] allocates nothing before somebody asks for its Done channel, and can lie within the
// struct it belongs to. It has values only where it is told to carry some. It is safe for concurrent use and has no goroutine of its own; what is to
// be done at its end is done in goroutines, as context.AfterFunc does it. [Pause] is the wait that ends with any context, an
// [Alarm] the timer for what hardly ever happens.
package life
