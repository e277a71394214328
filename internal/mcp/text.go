package mcp

import (
	"bytes"
	"encoding/json"
)

// Unquote decodes a JSON string; ok is false when raw is none. A lone surrogate
// escape becomes U+FFFD.
func Unquote(raw []byte) (text string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	return unescape(raw)
}

// unescape is Unquote for a string with escapes. It stands alone since what json writes to is on the heap.
func unescape(raw []byte) (string, bool) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", false
	}
	return text, true
}

// Quote appends text as a JSON string to dst.
func Quote(dst []byte, text string) []byte {
	plain := true
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < 0x20 || c >= 0x80 || c == '"' || c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		dst = append(dst, '"')
		dst = append(dst, text...)
		return append(dst, '"')
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a string always encodes
	return append(dst, bytes.TrimRight(buf.Bytes(), "\n")...)
}
