// Command bulk serves package bulk over HTTP on a port of 127.0.0.1 that the
// system chooses, and says which.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"onemcp/interop/bulk"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bulk:", err)
		os.Exit(1)
	}
}

func run() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "loopback: listening on %s\n", l.Addr())
	return http.Serve(l, bulk.Handler())
}
