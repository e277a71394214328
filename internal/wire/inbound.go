package wire

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

// maxBatch is how many messages may come together.
const maxBatch = 100

// Scan reads a client's message; what names it for the error: "body", "line". What is JSON but no message is told from
// what is none: faults of the kinds Invalid and Malformed.
func Scan(what string, text []byte) (mcp.Message, error) {
	m, err := mcp.Scan(text)
	switch {
	case err == nil:
		return m, nil
	case !utf8.Valid(text) || !json.Valid(text):
		return m, fault.New(fault.Malformed, "the %s is not JSON: %v", what, err)
	}
	return m, fault.New(fault.Invalid, "not a valid message: %v", err)
}

// IsBatch reports whether a text is an array, if it is anything.
func IsBatch(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("["))
}

// ScanBatch reads every message of an array, and refuses the whole for one that is wrong; what is as for [Scan].
func ScanBatch(what string, text []byte) ([]mcp.Message, error) {
	if !mcp.Valid(text) {
		return nil, fault.New(fault.Malformed, "the %s is not JSON, or nests too deep", what)
	}
	raws := mcp.Elements(text)
	if len(raws) == 0 || len(raws) > maxBatch {
		return nil, fault.New(fault.Invalid, "a batch holds 1 to %d messages, this one %d", maxBatch, len(raws))
	}
	msgs := make([]mcp.Message, len(raws))
	ids := make(map[string]bool, len(raws))
	for i, raw := range raws {
		m, err := mcp.Scan(raw)
		switch id := string(m.IDBytes()); {
		case err != nil:
			return nil, fault.New(fault.Invalid, "message %d of the batch is not valid: %v", i+1, err)
		case m.Method == mcp.MethodInitialize:
			return nil, fault.New(fault.Invalid, "message %d of the batch is an initialize, which must come alone", i+1)
		case m.Kind == mcp.Request && ids[id]:
			return nil, fault.New(fault.Invalid, "message %d of the batch has the id of another: %s", i+1, id).WithHint("use each id once")
		case m.Kind == mcp.Request:
			ids[id] = true
		}
		msgs[i] = m
	}
	return msgs, nil
}

// Batch joins answers to one array.
func Batch(answers [][]byte) []byte {
	return append(append([]byte{'['}, bytes.Join(answers, []byte{','})...), ']')
}
