// Command eragate runs an MCP server over stdio as a server of one era.
//
//	eragate legacy|modern COMMAND [ARG...]
//
// Over HTTP the gate is a handler: see package eragate.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"onemcp/interop/eragate"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "eragate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: eragate legacy|modern COMMAND [ARG...]")
	}
	gate, err := eragate.Parse(args[0])
	if err != nil {
		return err
	}
	server := exec.Command(args[1], args[2:]...)
	server.Stderr = os.Stderr
	return gate.Filter(server, os.Stdin, os.Stdout)
}
