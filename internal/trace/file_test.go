package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/fault"
)

// line is what a reader of a trace sees.
type line struct {
	Time, Side, Direction, Transport, Backend, Session, Request, Version, Kind, Method, Note string

	PID     int
	ID      json.RawMessage
	Bytes   int
	Count   int
	Message json.RawMessage
}

func parse(t *testing.T, text []byte) (lines []line) {
	t.Helper()
	for raw := range bytes.Lines(text) {
		var l line
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&struct {
			*line
			Redacted bool
		}{line: &l}); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// observed runs a file while observe runs, and returns after its end.
func observed(f *File, observe func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = f.Run(ctx) })
	observe()
	cancel()
	running.Wait()
}

func call(id string) Event {
	return Event{
		Side: Client, Direction: Received, Transport: HTTP, Session: "very-secret", Request: "r-1", Version: "2025-11-25",
		Message: []byte(`{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":{"arguments":{"password":"hunter2"}}}`),
	}
}

func TestATraceIsOneLineForEachMessageInOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trace.jsonl")
	f, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	observed(f, func() {
		f.Observe(call("1"))
		f.Observe(Event{Side: Backend, Direction: Sent, Transport: Stdio, Backend: "files", Process: 7, Message: []byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)})
		f.Observe(Event{Side: Backend, Direction: Received, Transport: Stdio, Backend: "files", Message: []byte("server is up")})
		f.Observe(Event{Side: Client, Direction: Sent, Message: []byte(`[{"jsonrpc":"2.0","id":1,"result":{}}]`)})
	})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("hunter2")) || bytes.Contains(text, []byte("very-secret")) || bytes.Contains(text, []byte("server is up")) {
		t.Errorf("a secret in %s", text)
	}
	got := parse(t, text)
	if len(got) != 6 || got[0].Note != "started" || got[5].Note != "stopped" {
		t.Fatalf("got %s", text)
	}
	one, two, three, four := got[1], got[2], got[3], got[4]
	if one.Side != "client" || one.Direction != "received" || one.Transport != "http" || len(one.Session) != 8 || one.Request != "r-1" ||
		one.Version != "2025-11-25" || one.Kind != "request" || one.Method != "tools/call" || string(one.ID) != "1" || one.Bytes != len(call("1").Message) {
		t.Errorf("got %+v", one)
	}
	if two.Kind != "notification" || two.PID != 7 || two.Backend != "files" || two.ID != nil {
		t.Errorf("got %+v", two)
	}
	if three.Kind != "invalid" || four.Kind != "batch" {
		t.Errorf("got %+v and %+v", three, four)
	}
}

func TestAFullTraceHasTheMessagesAsTheyAre(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trace.jsonl")
	f, err := Open(Options{Path: path, Full: true})
	if err != nil {
		t.Fatal(err)
	}
	observed(f, func() {
		f.Observe(Event{Message: []byte("{\"jsonrpc\":\"2.0\",\n\"id\":9007199254740993,\"result\":{\"x\":1.0,\"x\":\"<\"}}")})
		f.Observe(Event{Message: []byte("no \xff JSON")})
	})
	text, _ := os.ReadFile(path)
	for _, want := range []string{`"message":{"jsonrpc":"2.0", "id":9007199254740993,"result":{"x":1.0,"x":"<"}}}`, `"kind":"invalid","bytes":9,"message":"no � JSON"`} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

func TestATraceIsForItsOwnerAndIsAppendedTo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trace.jsonl")
	if err := os.WriteFile(path, []byte("{\"note\":\"earlier\"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	observed(f, func() {})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	text, _ := os.ReadFile(path)
	if got := parse(t, text); len(got) != 3 || got[0].Note != "earlier" {
		t.Errorf("got %s", text)
	}
}

func TestAFileThatCannotBeOpenedIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing", "trace.jsonl")
	_, err := Open(Options{Path: path})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), path+" cannot be used: no such file or directory") {
		t.Errorf("got %v", err)
	}
}

// disk is a file whose writes go as a test wants.
type disk struct {
	bytes.Buffer
	full func(write int) (taken int, full bool)
	n    int
}

var errFull = errors.New("no space left on device")

func (d *disk) Write(p []byte) (int, error) {
	d.n++
	if taken, full := d.full(d.n); full {
		n, _ := d.Buffer.Write(p[:min(taken, len(p))])
		return n, errFull
	}
	return d.Buffer.Write(p)
}

func (d *disk) Close() error { return nil }

func TestAFullDiskLosesLinesAndSaysHowMany(t *testing.T) {
	t.Parallel()
	d := &disk{full: func(n int) (int, bool) { return 5, n == 2 || n == 3 }}
	f := newFile(d, Options{})
	f.out.note("started", "redacted", []byte("true"))
	f.out.flush() // write 1
	write := func(ids ...string) {
		for _, id := range ids {
			f.Observe(call(id))
		}
		f.flush()
	}
	write("1", "2") // write 2: five bytes of it
	write("3")      // write 3: the line break, which also fails
	write("4")      // writes 4 and 5
	lines := strings.SplitAfter(d.String(), "\n")
	if len(lines) != 6 || lines[1]+lines[2] != `{"tim`+"\n\n" {
		t.Fatalf("got %q", lines)
	}
	got := parse(t, []byte(lines[3]+lines[4]))
	if got[0].Note != "dropped" || got[0].Count != 3 || string(got[1].ID) != "4" {
		t.Errorf("got %q", lines)
	}
}

func TestAFullDiskKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	path := "/dev/full"
	if _, err := os.Stat(path); err != nil {
		t.Skip("this system has no /dev/full")
	}
	f, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	observed(f, func() {
		for range 100 {
			f.Observe(call("1"))
		}
	})
	if f.out.missing != 100 {
		t.Errorf("%d are missing of 100", f.out.missing)
	}
}

func TestWhatADiskIsTooSlowForIsDroppedAndCounted(t *testing.T) {
	t.Parallel()
	d := &disk{full: func(int) (int, bool) { return 0, false }}
	f := newFile(d, Options{})
	big := Event{Message: bytes.Repeat([]byte("x"), maxQueued-10)}
	f.Observe(big)
	f.Observe(call("1")) // has no room
	f.Observe(call("2"))
	f.flush()
	f.Observe(call("3"))
	f.flush()
	got := parse(t, d.Bytes())
	if len(got) != 3 || got[0].Kind != "invalid" || got[1].Note != "dropped" || got[1].Count != 2 || string(got[2].ID) != "3" {
		t.Errorf("got %+v", got)
	}
	if f.queued != 0 {
		t.Errorf("%d bytes are thought to wait", f.queued)
	}
}

func TestWhatComesAfterTheEndIsDropped(t *testing.T) {
	t.Parallel()
	d := &disk{full: func(int) (int, bool) { return 0, false }}
	f := newFile(d, Options{})
	observed(f, func() {})
	f.Observe(call("1"))
	if len(f.queue) != 0 || f.dropped != 1 {
		t.Errorf("%d wait, %d were dropped", len(f.queue), f.dropped)
	}
}

func TestLinesOfManyConnectionsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	d := &disk{full: func(int) (int, bool) { return 0, false }}
	f := newFile(d, Options{})
	observed(f, func() {
		var all sync.WaitGroup
		for _, name := range []string{"a", "b", "c"} {
			all.Go(func() {
				for i := range 200 {
					f.Observe(Event{Backend: name, Message: []byte(`{"jsonrpc":"2.0","id":` + jsonInt(i) + `,"result":{}}`)})
				}
			})
		}
		all.Wait()
	})
	next := map[string]int{}
	for _, l := range parse(t, d.Bytes()) {
		if l.Note == "" {
			if string(l.ID) != jsonInt(next[l.Backend]) {
				t.Fatalf("%s: %s after %d", l.Backend, l.ID, next[l.Backend])
			}
			next[l.Backend]++
		}
	}
	if next["a"] != 200 || next["b"] != 200 || next["c"] != 200 {
		t.Errorf("got %v", next)
	}
}

func jsonInt(i int) string {
	raw, _ := json.Marshal(i)
	return string(raw)
}
