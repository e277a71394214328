// Command suiteclient is what the conformance suite runs as the client under
// test: the gateway, driven by an official client.
//
//	suiteclient ONEMCP ERA PATH URL
//
// It starts the binary ONEMCP with the suite's server at URL as its only
// backend, connects the Go SDK's client in the era to the gateway's PATH, does
// there what the scenario in MCP_CONFORMANCE_SCENARIO needs, and stops both.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

// backend is the name of the suite's server behind the gateway.
const backend = "suite"

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "suiteclient:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	if len(args) != 4 {
		return errors.New("usage: suiteclient ONEMCP ERA PATH URL")
	}
	binary, era, path, url := args[0], clients.Era(args[1]), args[2], args[3]
	play, err := scenario(os.Getenv("MCP_CONFORMANCE_SCENARIO"), os.Getenv("MCP_CONFORMANCE_CONTEXT"))
	if err != nil {
		return err
	}
	gateway, err := start(binary, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gateway.stop()) }()
	session, err := connect(ctx, strings.TrimSuffix(gateway.url, "/mcp")+path, era, play.answer)
	if err != nil {
		return err
	}
	defer session.Close()
	return play.act(ctx, session)
}

// connection is a client that is connected.
type connection struct {
	*mcp.ClientSession
	listed []string // tools, as they came: the SDK leaves out those that must not be called
}

func connect(ctx context.Context, url string, era clients.Era, answer map[string]any) (*connection, error) {
	client := mcp.NewClient(&mcp.Implementation{Name: "suiteclient", Version: "1"}, &mcp.ClientOptions{
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: answer}, nil
		},
	})
	version := "2026-07-28"
	if era == clients.Legacy {
		version = "2025-11-25"
	}
	c := &connection{}
	client.AddSendingMiddleware(c.note)
	var err error
	c.ClientSession, err = client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: url}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	return c, err
}

func (c *connection) note(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		result, err := next(ctx, method, req)
		if list, ok := result.(*mcp.ListToolsResult); ok && err == nil {
			for _, tool := range list.Tools {
				c.listed = append(c.listed, tool.Name)
			}
		}
		return result, err
	}
}

// gateway is a running 1mcp.
type gateway struct {
	cmd  *exec.Cmd
	home string
	url  string // of the merged endpoint
}

func start(binary, url string) (*gateway, error) {
	home, err := os.MkdirTemp("", "suiteclient-")
	if err != nil {
		return nil, err
	}
	config := harness.Config{Servers: []harness.Server{{Name: backend, URL: url}}, Bare: true}
	spec, err := config.Install(binary, home)
	if err != nil {
		return nil, err
	}
	g := &gateway{cmd: spec.Command(), home: home}
	log, err := g.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	if err := g.await(log); err != nil {
		return nil, errors.Join(err, g.stop())
	}
	go func() { _, _ = io.Copy(os.Stderr, log) }() // ends with the gateway
	return g, nil
}

// await reads the log until the gateway listens and the backend's tools are on
// the merged endpoint.
func (g *gateway) await(log io.Reader) error {
	lines := bufio.NewScanner(io.TeeReader(log, os.Stderr))
	ready := false
	for lines.Scan() {
		if url, ok := harness.Listening(lines.Text()); ok {
			g.url = url
		}
		ready = ready || strings.Contains(lines.Text(), `"backend is ready"`)
		if ready && g.url != "" {
			return nil
		}
	}
	return errors.New("the gateway ended before it was ready")
}

func (g *gateway) stop() error {
	_ = g.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	return errors.Join(g.cmd.Wait(), os.RemoveAll(g.home))
}
