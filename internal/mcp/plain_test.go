package mcp

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestPlainFindsTheFirst: wherever it stands, and whatever stands behind it.
func TestPlainFindsTheFirst(t *testing.T) {
	t.Parallel()
	luck := rand.New(rand.NewPCG(1, 2))
	for size := 0; size < 3000; size = size*5/4 + 1 {
		for range 40 {
			text := bytes.Repeat([]byte{'x', 0x7f, 0xc3, 0xa4, ' ', '/', '!'}, size/7+1)[:size]
			from, want := 0, size
			for range luck.IntN(4) {
				if at := luck.IntN(size + 1); at < size {
					text[at] = []byte{'"', '\\', 0, 0x1f, '\n'}[luck.IntN(5)]
				}
			}
			if size > 0 {
				from = luck.IntN(size)
			}
			for i := from; i < size; i++ {
				if text[i] == '"' || text[i] == '\\' || text[i] < 0x20 {
					want = i
					break
				}
			}
			if got := plain(text, from); got != want {
				t.Fatalf("%q from %d: got %d, want %d", text, from, got, want)
			}
		}
	}
}
