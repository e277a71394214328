package peer

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"onemcp/internal/mcp"
)

// FuzzLines compares the reader with the plain way to cut a text, whatever the reads bring at a time.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nbb\n\nccc"), 2, true)
	f.Add([]byte("\n"), 1, false)
	f.Add(append(bytes.Repeat([]byte("x"), 200_000), "\nshort\n"...), 150_000, false)
	f.Add(append(bytes.Repeat([]byte("x"), 100_000), "\nshort\n"...), 150_000, false)
	f.Fuzz(func(t *testing.T, text []byte, limit int, slow bool) {
		if limit <= 0 {
			return
		}
		var r io.Reader = bytes.NewReader(text)
		if slow {
			r = iotest.HalfReader(r)
		}
		in := NewLines(r, limit)
		want := bytes.Split(text, []byte("\n"))
		if len(want[len(want)-1]) == 0 {
			want = want[:len(want)-1]
		}
		var kept [][]byte
		for i, line := range want {
			got, err := in.Next()
			long, isLong := errors.AsType[*TooLong](err)
			switch {
			case isLong != (len(line) > limit):
				t.Fatalf("line %d of %d bytes: %v", i, len(line), err)
			case isLong && (!bytes.HasPrefix(line, long.Head) || !bytes.HasSuffix(line, long.Tail) || len(long.Tail) != min(len(line), tailSize)):
				t.Fatalf("line %d: ends %q and %q", i, long.Head, long.Tail)
			case !isLong && !bytes.Equal(got, line):
				t.Fatalf("line %d: got %q, wanted %q", i, got, line)
			}
			own := in.Keep(got)
			_ = append(own, '!') // must not be what is read next
			kept = append(kept, own)
		}
		if _, err := in.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("after the last line: %v", err)
		}
		for i, line := range want {
			if len(line) <= limit && !bytes.Equal(kept[i], line) {
				t.Fatalf("line %d was kept as %q", i, kept[i])
			}
		}
	})
}

// FuzzAnswerID compares what is read from the ends of an answer or a request with what the scanner finds.
func FuzzAnswerID(f *testing.F) {
	for _, text := range []string{
		`{"jsonrpc":"2.0","id":7,"result":{}}`,
		`{"result":{"id":8},"jsonrpc":"2.0","id":7}`,
		`{"id":7,"error":{"id":8},"jsonrpc":"2.0"}`,
		`{"result":"\",\"id\":8}","id":7,"jsonrpc":"2.0"}`,
		`{"jsonrpc":"2.0","id":7,"method":"x","params":{"result":1,"id":8}}`,
		`{"error":{},"jsonrpc":"2.0","id":"7"}`,
		`{"jsonrpc":"2.0","id":"a","method":"x","params":{"id":8}}`,
		`{"method":"x","params":{"id":8},"jsonrpc":"2.0","id":"7"}`,
		`{"method":"x","params":{"a":",\"id\":\"8\"}"},"id":7,"jsonrpc":"2.0"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := mcp.Scan(text)
		if err != nil {
			return
		}
		guess, ok := answerID(text, text)
		id, isInt := m.IntID()
		if ok && (!isInt || guess != id || m.Kind != mcp.Result && m.Kind != mcp.Error) {
			t.Fatalf("took %d for the id of %s", guess, text)
		}
		if isCall(text) && m.Kind != mcp.Request && m.Kind != mcp.Notification {
			t.Fatalf("took %s for a call", text)
		}
		asked := (&TooLong{text, text}).RequestID()
		if asked != nil && (m.Kind != mcp.Request || !bytes.Equal(asked, m.IDBytes())) {
			t.Fatalf("took %s for the id of %s", asked, text)
		}
	})
}
