package mcp_test

import (
	"fmt"
	"strings"
	"testing"

	"onemcp/internal/mcp"
)

// BenchmarkRewrite puts our id, name and token into a request, and the client's id into its answer.
func BenchmarkRewrite(b *testing.B) {
	for _, size := range []int{64, 64 << 10, 1 << 20} {
		text := strings.Repeat("x", size)
		request := scanned(b, `{"jsonrpc":"2.0","id":"7","method":"tools/call","params":{"_meta":{"progressToken":"t"},"name":"b_1mcp_echo","arguments":{"text":"`+text+`"}}}`)
		answer := scanned(b, `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"`+text+`"}]}}`)
		b.Run(fmt.Sprintf("request/%d", size), func(b *testing.B) {
			b.SetBytes(int64(len(request.Raw)))
			b.ReportAllocs()
			for b.Loop() {
				request.RewriteRequest(nil, mcp.RequestRewrite{ID: 12345, Name: "echo"})
			}
		})
		b.Run(fmt.Sprintf("answer/%d", size), func(b *testing.B) {
			b.SetBytes(int64(len(answer.Raw)))
			b.ReportAllocs()
			for b.Loop() {
				answer.RewriteResult(nil, mcp.ResultRewrite{ID: []byte(`"7"`)})
			}
		})
	}
}

func scanned(b *testing.B, text string) *mcp.Message {
	b.Helper()
	m, err := mcp.Scan([]byte(text))
	if err != nil {
		b.Fatal(err)
	}
	return &m
}
