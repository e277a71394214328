package asker

import (
	"encoding/json"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// tools are the questions of each tool, one after the other.
func tools() map[string][]mcp.InputRequest {
	return map[string][]mcp.InputRequest{
		"test_elicitation":                       {form("Who?", `{"username": {"type": "string"}}`, "username")},
		"test_sampling":                          {prompt("What is the capital of France?")},
		"test_elicitation_sep1034_defaults":      {form("Are the defaults right?", defaults)},
		"test_elicitation_sep1330_enums":         {form("Which?", enums)},
		"test_input_required_result_multi_round": {form("Who?", text("name"), "name"), form("Which color?", text("color"), "color")},
		"test_input_required_result_elicitation": {form("Who?", text("name"), "name")},
	}
}

func text(property string) string { return `{"` + property + `": {"type": "string"}}` }

func form(message, properties string, required ...string) *mcp.ElicitParams {
	schema := map[string]any{"type": "object", "properties": json.RawMessage(properties)}
	if len(required) > 0 {
		schema["required"] = required
	}
	return &mcp.ElicitParams{Message: message, RequestedSchema: schema}
}

func prompt(text string) *mcp.CreateMessageParams {
	return &mcp.CreateMessageParams{
		Messages:  []*mcp.SamplingMessage{{Role: "user", Content: &mcp.TextContent{Text: text}}},
		MaxTokens: 100,
	}
}

// defaults has every type of property that can have a default.
const defaults = `{
	"name":     {"type": "string", "default": "John Doe"},
	"age":      {"type": "integer", "default": 30},
	"score":    {"type": "number", "default": 95.5},
	"status":   {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
	"verified": {"type": "boolean", "default": true}
}`

// enums has every way to write a choice.
const enums = `{
	"untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
	"titledSingle":   {"type": "string", "oneOf": [
		{"const": "value1", "title": "First Option"}, {"const": "value2", "title": "Second Option"}, {"const": "value3", "title": "Third Option"}]},
	"legacyEnum":     {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]},
	"untitledMulti":  {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
	"titledMulti":    {"type": "array", "minItems": 1, "maxItems": 3, "items": {"anyOf": [
		{"const": "value1", "title": "First Option"}, {"const": "value2", "title": "Second Option"}, {"const": "value3", "title": "Third Option"}]}}
}`
