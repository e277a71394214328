package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Digest tells results apart by all that they show: those are the same whose
// content and structured content are equal as JSON, whichever client has them.
func Digest(r *mcp.CallToolResult) string {
	raw, err := json.Marshal([]any{r.Content, r.StructuredContent})
	if err != nil {
		return err.Error()
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return err.Error()
	}
	hash := sha256.New()
	digest(hash, value)
	return hex.EncodeToString(hash.Sum(nil))
}

// digest writes a value in one way only.
func digest(w io.Writer, value any) {
	switch v := value.(type) {
	case []any:
		digest(w, "[")
		for _, item := range v {
			digest(w, item)
		}
		digest(w, "]")
	case map[string]any:
		digest(w, "{")
		for _, name := range slices.Sorted(maps.Keys(v)) {
			digest(w, name)
			digest(w, v[name])
		}
		digest(w, "]")
	case nil:
		digest(w, "null")
	default:
		fmt.Fprintf(w, "%v\x00", v) // a hash takes all
	}
}
