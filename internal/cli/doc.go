// Package cli is the command line: it reads flags, calls package daemon, prints, and
// turns errors into exit codes.
//
// [Env] is the process as a value; [Process] makes the real one, and it alone touches the globals of
// package os. [Run] returns after all that a command has started has ended, with one exception: on the
// second signal it returns at once, and the caller is expected to exit. A Run is one command; several share nothing.
//
// The package decides nothing about serving; that is in daemon and below.
package cli
