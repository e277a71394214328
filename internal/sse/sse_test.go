package sse_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"onemcp/internal/sse"
)

// all reads a stream to its end and writes the events down, one a line.
func all(src io.Reader, max int) (string, error) { return drain(sse.NewReader(src, max)) }

func drain(r *sse.Reader) (string, error) {
	var b strings.Builder
	for {
		e, err := r.Next()
		if err != nil {
			return b.String(), err
		}
		fmt.Fprintf(&b, "%s|%s|%s|%q\n", e.Name, e.ID, e.Retry, e.Data)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, stream, want string }{
		{"one line", "data: a\n\n", `||0s|"a"`},
		{"no blank after the colon", "data:a\n\n", `||0s|"a"`},
		{"only one blank is cut", "data:  a\n\n", `||0s|" a"`},
		{"lines are joined", "data: a\ndata:b\ndata\ndata: c\n\n", `||0s|"a\nb\n\nc"`},
		{"a data line without colon first", "data\ndata: a\n\n", `||0s|"\na"`},
		{"CRLF", "id: 1\r\ndata: a\r\ndata: b\r\n\r\n", `|1|0s|"a\nb"`},
		{"CR", "id: 1\rdata: a\rdata: b\r\r", `|1|0s|"a\nb"`},
		{"mixed ends", "data: a\rdata: b\n\r\ndata: c\r\n\n", `||0s|"a\nb"` + "\n" + `||0s|"c"`},
		{"byte order mark", "\ufeffdata: a\n\ndata: b\n\n", `||0s|"a"` + "\n" + `||0s|"b"`},
		{"byte order mark before a blank line", "\ufeff\ndata: a\n\n", `||0s|"a"`},
		{"a byte order mark later is part of a name", "data: a\n\n\ufeffdata: b\n\ndata: c\n\n", `||0s|"a"` + "\n" + `||0s|"c"`},
		{"comments", ": hello\n\n:\n\ndata: a\n: within\ndata: b\n\n:bye\n\n", `||0s|"a\nb"`},
		{"name", "event: endpoint\ndata: /x\n\nevent: message\ndata: a\n\n", `endpoint||0s|"/x"` + "\n" + `||0s|"a"`},
		{"priming event", "id: 7\nretry: 500\ndata:\n\n", `|7|500ms|""`},
		{"id alone", "id: 7\n\n", `|7|0s|""`},
		{"the last id counts", "id: 7\nid: 8\n\n", `|8|0s|""`},
		{"an id with NUL is ignored", "id: 7\x00\ndata: a\n\n", `||0s|"a"`},
		{"a retry that is no number is ignored", "retry: 5s\nretry: -1\ndata: a\n\n", `||0s|"a"`},
		{"unknown fields", "foo: bar\nfoo\ndata: a\nDATA: b\n\n", `||0s|"a"`},
		{"blank lines", "\n\n\n\r\n\rdata: a\n\n\n\n", `||0s|"a"`},
		{"a colon in the data", "data: {\"a\":1}\n\n", `||0s|"{\"a\":1}"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for how, src := range sources(tt.stream) {
				got, err := all(src, 1<<10)
				if strings.TrimSpace(got) != tt.want || !errors.Is(err, io.EOF) {
					t.Errorf("%s: got %s, %v; want %s", how, got, err, tt.want)
				}
			}
		})
	}
}

// sources gives the stream in one piece, byte by byte, and with its end told early.
func sources(stream string) map[string]io.Reader {
	return map[string]io.Reader{
		"whole":     strings.NewReader(stream),
		"bytewise":  iotest.OneByteReader(strings.NewReader(stream)),
		"early end": iotest.DataErrReader(strings.NewReader(stream)),
	}
}

func TestAnUnfinishedEventIsNotHandedOut(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"data: a", "data: a\n", "data: a\n\ndata", "id: 4\r\n"} {
		for how, src := range sources(stream) {
			got, err := all(src, 1<<10)
			if strings.Count(got, "\n") != strings.Count(stream, "\n\n") || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q, %s: got %q, %v", stream, how, got, err)
			}
		}
	}
}

func TestAnEventEndsWithItsLastByte(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"data: a\n\n", "data: a\r\r", "data: a\r\n\r\n"} {
		client, server := io.Pipe()
		done := make(chan sse.Event)
		go func() {
			e, _ := sse.NewReader(client, 1<<10).Next()
			done <- e
		}()
		if _, err := io.WriteString(server, stream); err != nil {
			t.Fatal(err)
		}
		if e := <-done; string(e.Data) != "a" { // the pipe is still open
			t.Errorf("%q: got %q", stream, e.Data)
		}
	}
}

func TestSizeLimit(t *testing.T) {
	t.Parallel()
	fits := "event: message\n: hello\ndata: " + strings.Repeat("x", 100) + "\n\n"
	for how, src := range sources(strings.Repeat(fits, 50)) {
		if got, err := all(src, 100); strings.Count(got, "\n") != 50 || !errors.Is(err, io.EOF) {
			t.Errorf("%s: events at the limit: %d, %v", how, strings.Count(got, "\n"), err)
		}
	}
	for name, stream := range map[string]string{
		"one byte more":    "data: " + strings.Repeat("x", 101) + "\n\n",
		"many lines":       strings.Repeat("data: x\n", 51) + "\n",
		"empty lines":      strings.Repeat("data:\n", 1<<10) + "\n",
		"comments within":  "data: a\n" + strings.Repeat(": beat\n", 1<<10) + "\n",
		"a line for ever":  strings.Repeat("x", 1<<16),
		"a name for ever":  "event: " + strings.Repeat("x", 1<<16),
		"unterminated too": "data: " + strings.Repeat("x", 1<<16),
	} {
		for how, src := range sources(stream) {
			got, err := all(src, 100)
			if _, ok := errors.AsType[*sse.TooLargeError](err); got != "" || !ok {
				t.Errorf("%s, %s: got %q, %v", name, how, got, err)
			}
		}
	}
}

func TestReadingGoesOnAfterAnEventOverTheLimit(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 1<<16)
	for name, event := range map[string]string{
		"one line":         "event: message\ndata: {begin" + body + "end}\n\n",
		"CRLF":             "data: {begin" + body + "end}\r\n\r\n",
		"barely over":      "data: {begin" + body[:91] + "end}\n\n",
		"many lines":       "data: {begin\n" + strings.Repeat("data: x\n", 1<<10) + "data: end}\n\n",
		"fields behind it": "data: {begin" + body + "\nid: end}\n\n",
	} {
		for how, src := range sources(event + "data: a\n\n" + event + "data: b\n\n") {
			r := sse.NewReader(src, 100)
			for _, want := range []string{"a", "b"} {
				_, err := r.Next()
				long, ok := errors.AsType[*sse.TooLargeError](err)
				if !ok || !bytes.HasPrefix(long.Head, []byte("{begin")) {
					t.Fatalf("%s, %s: got %v %+v", name, how, err, long)
				}
				if want == "a" { // and "b" is found by Next alone
					if tail, err := r.Skip(); err != nil || !bytes.HasSuffix(tail, []byte("end}")) {
						t.Fatalf("%s, %s: it ends with %q, %v", name, how, tail, err)
					}
				}
				if e, err := r.Next(); string(e.Data) != want || err != nil {
					t.Fatalf("%s, %s: then %q, %v", name, how, e.Data, err)
				}
			}
		}
	}
}

func TestHeartbeatsTakeNoRoom(t *testing.T) {
	t.Parallel()
	for _, beat := range []string{": beat\n\n", ": beat\n", "\n", "foo: bar\n"} {
		stream := strings.Repeat(beat, 1000) + "data: a\n\n"
		if got, err := all(strings.NewReader(stream), 100); got != "||0s|\"a\"\n" || !errors.Is(err, io.EOF) {
			t.Errorf("%q: got %q, %v", beat, got, err)
		}
	}
}

func TestEndedTellsThatNothingIsLeft(t *testing.T) {
	t.Parallel()
	r := sse.NewReader(iotest.DataErrReader(strings.NewReader("data: a\n\n")), 100)
	if _, err := r.Next(); err != nil || !r.Ended() {
		t.Errorf("the end came with the event: Ended = %v, %v", r.Ended(), err)
	}
	r = sse.NewReader(strings.NewReader("data: a\n\n"), 100)
	if _, err := r.Next(); err != nil || r.Ended() {
		t.Errorf("the end was not read yet: Ended = %v, %v", r.Ended(), err)
	}
}

func TestTheSourcesErrorIsHandedOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	src := io.MultiReader(strings.NewReader("data: a\n\nda"), iotest.ErrReader(broken))
	if got, err := all(src, 100); got != "||0s|\"a\"\n" || !errors.Is(err, broken) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		event sse.Event
		want  string
	}{
		{"data", sse.Event{Data: []byte("a")}, "data: a\n\n"},
		{"all", sse.Event{Name: "n", ID: "1", Retry: 2 * time.Second, Data: []byte("a")}, "event: n\nid: 1\nretry: 2000\ndata: a\n\n"},
		{"lines", sse.Event{Data: []byte("a\nb\r\nc\rd\n")}, "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"},
		{"priming", sse.Event{ID: "1"}, "id: 1\ndata: \n\n"},
	}
	for _, tt := range tests {
		if got := string(sse.Append([]byte("x"), tt.event)); got != "x"+tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := string(sse.AppendComment(nil, "beat")); got != ": beat\n\n" {
		t.Errorf("comment: %q", got)
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("", "", int64(0), []byte("{}"))
	f.Add("endpoint", "a 1", int64(1500), []byte("a\r\n\nb\r"))
	f.Fuzz(func(t *testing.T, name, id string, ms int64, data []byte) {
		if strings.ContainsAny(name+id, "\r\n\x00") || name == "message" || ms < 0 || ms >= 1<<31 {
			t.Skip()
		}
		want := sse.Event{Name: name, ID: id, Retry: time.Duration(ms) * time.Millisecond, Data: data}
		stream := sse.Append(sse.AppendComment(nil, "x"), want)
		got, err := sse.NewReader(bytes.NewReader(stream), len(stream)).Next()
		want.Data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
		if err != nil || got.Name != want.Name || got.ID != want.ID || got.Retry != want.Retry || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("wrote %+v as %q, read %+v, %v", want, stream, got, err)
		}
	})
}

func FuzzReadInAnyPieces(f *testing.F) {
	f.Add([]byte("\ufeff: c\r\ndata: a\rdata\n\nid: 1\nretry: 1\n\nevent: x\rdata:b\r\n\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole := sse.NewReader(bytes.NewReader(stream), 64)
		pieces := sse.NewReader(iotest.OneByteReader(bytes.NewReader(stream)), 64)
		for { // the same events and the same ones over the limit
			a, err := drain(whole)
			b, err2 := drain(pieces)
			if a != b || err.Error() != err2.Error() {
				t.Fatalf("whole: %s, %v\npieces: %s, %v", a, err, b, err2)
			}
			if _, ok := errors.AsType[*sse.TooLargeError](err); !ok {
				return
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for _, size := range []int{64, 64 << 10, 1 << 20} {
		stream := sse.Append(nil, sse.Event{Data: bytes.Repeat([]byte("x"), size)})
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sse.NewReader(bytes.NewReader(stream), 2<<20).Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
