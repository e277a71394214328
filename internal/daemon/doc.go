// Package daemon is the composition root: a configuration goes in, wired parts come out.
//
// [Source] finds and reads the configuration. [New] makes a [Daemon] and starts nothing;
// [Daemon.Run] opens the listener, or takes one client's pipes, owns every long-lived part, one goroutine each, and stops them in
// order; it returns after all of them have ended, or after the deadlines of shutdown, which name
// what was late. [Probe] starts the backends once, without serving. Reload may be called from any
// goroutine; Run once.
//
// This package alone translates the configuration into the options of other packages, and it alone
// names the drivers. It prints nothing and knows no command line.
package daemon
