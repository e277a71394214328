package bulk

import (
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Tool is the name of the tool.
const Tool = "bulk"

// Args are the tool's arguments.
type Args struct {
	Seed     string `json:"seed"`     // stands in every line, so that no result passes for another
	Lines    int    `json:"lines"`    // each makes about 280 bytes of the result
	Progress int    `json:"progress"` // reports before the result, where the call wants any
}

// Result is what the tool answers: a text in which JSON must escape much, what
// could be a picture, and the lines of the text again as structured content.
func Result(a Args) *mcp.CallToolResult {
	lines := make([]string, a.Lines)
	for i := range lines {
		lines[i] = fmt.Sprintf("%s %d \"quoted\" \\ \t\u0001 é 漢字 😀 \u2028 <&>\r\n", a.Seed, i)
	}
	return &mcp.CallToolResult{
		Content: []mcp.Content{
			&mcp.TextContent{Text: strings.Join(lines, "")},
			&mcp.ImageContent{Data: pixels(a.Lines), MIMEType: "image/png"},
		},
		StructuredContent: map[string]any{"seed": a.Seed, "count": a.Lines, "lines": lines},
	}
}

// pixels are 64 bytes for each line.
func pixels(lines int) []byte {
	data := make([]byte, 64*lines)
	for i := range data {
		data[i] = byte(i * i * 31 >> 7)
	}
	return data
}
