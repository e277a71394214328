package bulk

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Handler serves the tool at a path for each way of answering: in the legacy
// era with event streams, with JSON bodies, and with streams that a client may
// take up again; in the modern one with event streams and JSON bodies.
func Handler() http.Handler {
	legacy := []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}
	modern := []string{"2026-07-28"}
	mux := http.NewServeMux()
	mux.Handle("/legacy", serve(legacy, mcp.StreamableHTTPOptions{}))
	mux.Handle("/legacy-json", serve(legacy, mcp.StreamableHTTPOptions{JSONResponse: true}))
	mux.Handle("/legacy-kept", serve(legacy, mcp.StreamableHTTPOptions{EventStore: mcp.NewMemoryEventStore(nil)}))
	mux.Handle("/modern", serve(modern, mcp.StreamableHTTPOptions{Stateless: true}))
	mux.Handle("/modern-json", serve(modern, mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true}))
	return mux
}

func serve(versions []string, o mcp.StreamableHTTPOptions) http.Handler {
	s := mcp.NewServer(&mcp.Implementation{Name: "bulk-go", Version: "1"}, &mcp.ServerOptions{SupportedProtocolVersions: versions})
	s.AddTool(&mcp.Tool{Name: Tool, InputSchema: json.RawMessage(`{"type":"object"}`)}, answer)
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &o)
}

func answer(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	var a Args
	if err := json.Unmarshal(req.Params.Arguments, &a); err != nil {
		return nil, err
	}
	report(ctx, req, a.Progress)
	return Result(a), nil
}

// report reports progress, if the call wants it and its answer has room for it:
// a JSON body has none.
func report(ctx context.Context, req *mcp.CallToolRequest, steps int) {
	token := req.Params.GetProgressToken()
	for i := 0; token != nil && i < steps; i++ {
		_ = req.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: token, Progress: float64(i + 1)})
	}
}
