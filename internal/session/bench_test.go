package session_test

import (
	"context"
	"fmt"
	"testing"

	"onemcp/internal/session"
)

func spec() session.Spec {
	return session.Spec{Principal: "anonymous", Endpoint: "/mcp", Version: "2025-11-25"}
}

// BenchmarkCall finds a session among many and counts a call of it.
func BenchmarkCall(b *testing.B) {
	for _, many := range []int{1, 1000, 10000} {
		b.Run(fmt.Sprintf("%d_sessions", many), func(b *testing.B) {
			table := session.NewTable(session.Limits{})
			var id string
			for range many {
				s, err := table.Open(spec())
				if err != nil {
					b.Fatal(err)
				}
				id = s.ID
			}
			b.ReportAllocs()
			for b.Loop() {
				s, err := table.Get(id, "anonymous", "/mcp")
				if err != nil {
					b.Fatal(err)
				}
				c, err := s.Begin(context.Background(), []byte("1"))
				if err != nil {
					b.Fatal(err)
				}
				c.Finish()
			}
		})
	}
}

// BenchmarkLife opens a session and ends it.
func BenchmarkLife(b *testing.B) {
	table := session.NewTable(session.Limits{})
	b.ReportAllocs()
	for b.Loop() {
		s, err := table.Open(spec())
		if err != nil {
			b.Fatal(err)
		}
		table.End(s)
	}
}
