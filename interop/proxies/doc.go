// Package proxies holds the tests that run the built gateway behind real
// reverse proxies with the files of deploy/, and those that check the files
// for what cannot run here.
//
// Install the programs with ../install-debian.sh, then `go test ./proxies`.
// Tests whose program is missing are skipped, and counted, unless CI is set.
//
// A test starts its programs as children in the foreground on loopback, and
// ends them by their ids; none has a process left when its test ends. Clients
// come from an address of their own, 127.0.0.77, so that the gateway can tell
// them from the proxies, which come from 127.0.0.1. That address, and the
// gateway's file tree, want Linux.
package proxies
