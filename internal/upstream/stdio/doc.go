// Package stdio drives backends that are child processes: one process group each, which speaks
// one message per line on its stdin and stdout.
//
// Run of a connection owns the goroutines that wait for the process, read its stdout and its stderr, and write its stdin,
// and the process group itself; it returns after all of them have ended, and leaves nothing of the
// group alive. A connection is safe for concurrent use.
//
// The package does not decide when a backend is started again. It does start a second process within one Run
// where the first one proved unfit by the question for its era.
package stdio
