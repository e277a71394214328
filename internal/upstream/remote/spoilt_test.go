package remote

import (
	"testing"

	"onemcp/internal/mcp"
)

// FuzzJudgeSpoilt: what is read from the ends of a message is what the whole of it says.
func FuzzJudgeSpoilt(f *testing.F) {
	for _, text := range []string{
		`{"jsonrpc":"2.0","id":7,"result":{"id":8}}`,
		`{"result":{"a":{"id":8}},"jsonrpc":"2.0","id":7}`,
		`{"error":{"code":1,"message":",\"id\":8}"},"id":7,"jsonrpc":"2.0"}`,
		`{"jsonrpc":"2.0","id":7,"method":"m"}`,
		`{"jsonrpc":"2.0","id":"7","result":null}`,
		`{"id":7,"x":{"id":8},"jsonrpc":"2.0","result":{"id":9}}`,
	} {
		f.Add([]byte(text), uint(20))
	}
	f.Fuzz(func(t *testing.T, text []byte, at uint) {
		m, err := mcp.Scan(text)
		if err != nil {
			judgeSpoilt(text, text)
			return
		}
		cut := int(at % uint(len(text)))
		id, kind := judgeSpoilt(text[:cut], text[cut:])
		want, _ := m.IntID()
		isCall := m.Kind == mcp.Request || m.Kind == mcp.Notification
		if kind == spoiltCall && !isCall || kind == spoiltAnswer && (isCall || id != want) {
			t.Errorf("%s, cut at %d: %d, kind %d", text, cut, id, kind)
		}
	})
}
