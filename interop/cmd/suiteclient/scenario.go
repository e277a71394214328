package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// part is what the client does in a scenario.
type part struct {
	answer map[string]any // to every question
	act    func(context.Context, *connection) error
}

// call is one call of a tool.
type call struct {
	Name      string
	Arguments map[string]any
}

// scenario returns the part for a scenario of the suite. The suite gives some
// of them more to know, as JSON.
func scenario(name, more string) (part, error) {
	var given struct{ ToolCalls []call }
	if more != "" {
		if err := json.Unmarshal([]byte(more), &given); err != nil {
			return part{}, fmt.Errorf("context of the scenario: %w", err)
		}
	}
	switch name {
	case "initialize", "request-metadata", "json-schema-ref-no-deref":
		return part{act: calls()}, nil
	case "tools_call":
		return part{act: calls(call{"add_numbers", map[string]any{"a": 5, "b": 3}})}, nil
	case "sse-retry":
		return part{act: calls(call{Name: "test_reconnection"})}, nil
	case "elicitation-sep1034-client-defaults":
		return part{act: calls(call{Name: "test_client_elicitation_defaults"}), answer: map[string]any{}}, nil
	case "sep-2322-client-request-state":
		return part{answer: map[string]any{"confirmed": true}, act: calls(call{Name: "test_mrtr_echo_state"},
			call{Name: "test_mrtr_unrelated"}, call{Name: "test_mrtr_no_state"}, call{Name: "test_mrtr_no_result_type"})}, nil
	case "http-standard-headers":
		return part{act: touchAll}, nil
	case "http-custom-headers":
		return part{act: calls(given.ToolCalls...)}, nil
	case "http-invalid-tool-headers":
		return part{act: callAll}, nil
	case "json-schema-2020-12-preservation":
		return part{act: echoSchema}, nil
	}
	return part{}, fmt.Errorf("no part in the scenario %q", name)
}

// calls lists the tools, then calls some.
func calls(all ...call) func(context.Context, *connection) error {
	return func(ctx context.Context, s *connection) error {
		if _, err := s.ListTools(ctx, nil); err != nil {
			return err
		}
		for _, c := range all {
			if c.Arguments == nil {
				c.Arguments = map[string]any{}
			}
			if _, err := s.CallTool(ctx, &mcp.CallToolParams{Name: c.Name, Arguments: c.Arguments}); err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
		}
		return nil
	}
}

// callAll calls every tool that is listed. Those that the gateway should not
// have listed are the suite's to find.
func callAll(ctx context.Context, s *connection) error {
	if _, err := s.ListTools(ctx, nil); err != nil {
		return err
	}
	for _, tool := range s.listed {
		if _, err := s.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: map[string]any{"region": "us-west1"}}); err != nil {
			return fmt.Errorf("%s: %w", tool, err)
		}
	}
	return nil
}

// touchAll calls every tool, reads every resource, gets every prompt.
func touchAll(ctx context.Context, s *connection) error {
	if err := callAll(ctx, s); err != nil {
		return err
	}
	resources, err := s.ListResources(ctx, nil)
	if err != nil {
		return err
	}
	for _, r := range resources.Resources {
		if _, err := s.ReadResource(ctx, &mcp.ReadResourceParams{URI: r.URI}); err != nil {
			return fmt.Errorf("%s: %w", r.URI, err)
		}
	}
	prompts, err := s.ListPrompts(ctx, nil)
	if err != nil {
		return err
	}
	for _, p := range prompts.Prompts {
		if _, err := s.GetPrompt(ctx, &mcp.GetPromptParams{Name: p.Name}); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

// echoSchema shows the suite a tool's input schema as it came to the client.
func echoSchema(ctx context.Context, s *connection) error {
	tools, err := s.ListTools(ctx, nil)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(tools.Tools, func(t *mcp.Tool) bool { return t.Name == "json_schema_2020_12_tool" })
	if i < 0 {
		return fmt.Errorf("the tool is not among the %d listed", len(tools.Tools))
	}
	_, err = s.CallTool(ctx, &mcp.CallToolParams{Name: "json_schema_echo", Arguments: map[string]any{"schema": tools.Tools[i].InputSchema}})
	return err
}
