// Command asker serves package asker over stdio, in one era.
//
//	asker legacy|modern
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"onemcp/interop/asker"
	"onemcp/interop/eragate"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "asker:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: asker legacy|modern")
	}
	era, err := eragate.Parse(args[0])
	if err != nil {
		return err
	}
	return asker.New(era).Run(context.Background(), &mcp.StdioTransport{})
}
