// Command 1mcp puts many MCP servers behind one HTTP endpoint.
package main

import (
	"os"

	"onemcp/internal/cli"
)

func main() { os.Exit(cli.Run(cli.Process())) }
