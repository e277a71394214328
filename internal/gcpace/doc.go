// Package gcpace keeps the garbage collector from running all the time over a heap that is nearly empty.
//
// Go collects when the heap has doubled. A gateway that forwards bytes keeps next to nothing, so that under load it would
// collect a hundred times a second, for a few megabytes each time. [Start] has it wait for a fixed amount of garbage
// beyond what Go's own rule allows; where much is alive that is nothing, and the rule holds.
//
// The package has no goroutine of its own: it learns of each collection by a finalizer.
package gcpace
