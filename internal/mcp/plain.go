package mcp

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080

	near   = 64       // bytes of a string that are looked at one word at a time
	narrow = 128      // the first bytes after those that are searched together
	wide   = 16 << 10 // the most
)

// plain returns the place of the first quote, backslash or control character in b from i on; len(b) if there is none.
// Most strings are short, and are looked at one word at a time. In a long one the library finds a byte faster.
func plain(b []byte, i int) int {
	for far := i + near; i+8 <= len(b); i += 8 {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
		if i >= far {
			return plainFar(b, i)
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
		i++
	}
	return i
}

// plainFar is plain for what may be a long way. It looks further at a time the longer it finds nothing, so that a search for
// one byte does not run far past the other.
func plainFar(b []byte, i int) int {
	for size := narrow; i < len(b); size = min(2*size, wide) {
		window := b[i:min(i+size, len(b))]
		n := len(window)
		if quote := bytes.IndexByte(window, '"'); quote >= 0 {
			n = quote
		}
		if slash := bytes.IndexByte(window[:n], '\\'); slash >= 0 {
			n = slash
		}
		n = printable(window[:n])
		if i += n; n < len(window) {
			return i
		}
	}
	return i
}

// printable returns how many bytes there are before the first control character.
func printable(b []byte) int {
	i := 0
	for ; i+32 <= len(b); i += 32 {
		w := b[i : i+32]
		controls := below(binary.LittleEndian.Uint64(w)) | below(binary.LittleEndian.Uint64(w[8:])) |
			below(binary.LittleEndian.Uint64(w[16:])) | below(binary.LittleEndian.Uint64(w[24:]))
		if controls&highs != 0 {
			break
		}
	}
	for i < len(b) && b[i] >= 0x20 {
		i++
	}
	return i
}

// special marks the high bit of the lowest byte of w that is a quote, a backslash or a control
// character; bits above it may be wrong.
func special(w uint64) uint64 {
	quote := w ^ (lows * '"')
	slash := w ^ (lows * '\\')
	return (below(w) | (quote-lows)&^quote | (slash-lows)&^slash) & highs
}

// below marks the high bits of the bytes of w that are control characters; those of others may be set too if there is one.
func below(w uint64) uint64 { return (w - lows*0x20) &^ w }
