// Command counter serves one number over stdio, on the official Go SDK: the
// resource test://count, which the tool count raises. Subscriptions to
// test://refused are refused.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const uri = "test://count"

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "counter:", err)
		os.Exit(1)
	}
}

func serve() error {
	s := mcp.NewServer(&mcp.Implementation{Name: "counter", Version: "1"}, &mcp.ServerOptions{
		SubscribeHandler: func(_ context.Context, req *mcp.SubscribeRequest) error {
			if req.Params.URI == "test://refused" {
				return errors.New("nobody may follow that")
			}
			return nil
		},
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
	})
	var n atomic.Int64
	s.AddResource(&mcp.Resource{URI: uri, Name: "count"}, func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: uri, Text: strconv.FormatInt(n.Load(), 10)}}}, nil
	})
	s.AddTool(&mcp.Tool{Name: "count", InputSchema: json.RawMessage(`{"type":"object"}`)}, func(ctx context.Context, _ *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		text := strconv.FormatInt(n.Add(1), 10)
		err := s.ResourceUpdated(ctx, &mcp.ResourceUpdatedNotificationParams{URI: uri})
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, err
	})
	return s.Run(context.Background(), &mcp.StdioTransport{})
}
