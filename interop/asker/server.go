package asker

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"onemcp/interop/eragate"
)

// New returns a server of one era.
func New(era eragate.Gate) *mcp.Server {
	versions, tool := []string{"2026-07-28"}, modern
	if era == eragate.Legacy {
		versions, tool = []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}, legacy
	}
	s := mcp.NewServer(&mcp.Implementation{Name: "asker-" + string(era), Version: "1"},
		&mcp.ServerOptions{SupportedProtocolVersions: versions})
	for name, questions := range tools() {
		s.AddTool(&mcp.Tool{Name: name, InputSchema: json.RawMessage(`{"type":"object"}`)}, tool(questions))
	}
	return s
}

// legacy asks with requests of its own while the call waits.
func legacy(questions []mcp.InputRequest) mcp.ToolHandler {
	return func(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		var answers []string
		for _, q := range questions {
			answer, err := ask(ctx, req.Session, q)
			if err != nil {
				return nil, fmt.Errorf("question %d: %w", len(answers)+1, err)
			}
			answers = append(answers, told(answer))
		}
		return result(answers), nil
	}
}

func ask(ctx context.Context, s *mcp.ServerSession, q mcp.InputRequest) (mcp.InputResponse, error) {
	switch q := q.(type) {
	case *mcp.ElicitParams:
		return s.Elicit(ctx, q)
	case *mcp.CreateMessageParams:
		return s.CreateMessage(ctx, q)
	}
	return nil, fmt.Errorf("no way to ask a %T", q)
}

// modern asks one question a round; the state holds the answers so far.
func modern(questions []mcp.InputRequest) mcp.ToolHandler {
	return func(_ context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		var answers []string
		if state := req.Params.RequestState; state != "" {
			if err := json.Unmarshal([]byte(state), &answers); err != nil {
				return nil, fmt.Errorf("request state: %w", err)
			}
		}
		if answer, ok := req.Params.InputResponses[key(answers)]; ok {
			answers = append(answers, told(answer))
		}
		if len(answers) >= len(questions) {
			return result(answers), nil
		}
		state, err := json.Marshal(answers)
		return &mcp.CallToolResult{
			InputRequests: mcp.InputRequestMap{key(answers): questions[len(answers)]},
			RequestState:  string(state),
		}, err
	}
}

// key names the question that follows these answers.
func key(answers []string) string { return fmt.Sprintf("question-%d", len(answers)+1) }

// told puts an answer into words.
func told(answer mcp.InputResponse) string {
	switch a := answer.(type) {
	case *mcp.ElicitResult:
		return fmt.Sprintf("%s %v", a.Action, a.Content)
	case *mcp.CreateMessageResult:
		return said(a.Content)
	case *mcp.CreateMessageWithToolsResult:
		return said(a.Content...)
	}
	return fmt.Sprintf("an unexpected %T", answer)
}

func said(content ...mcp.Content) string {
	var texts []string
	for _, c := range content {
		if t, ok := c.(*mcp.TextContent); ok {
			texts = append(texts, t.Text)
		}
	}
	return strings.Join(texts, " ")
}

func result(answers []string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: strings.Join(answers, "; ")}}}
}
