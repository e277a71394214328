package mcptest

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/trace"
)

// most is how many wrong messages one test shows.
const most = 5

// Excuse lets a part of messages be wrong that a test makes wrong on purpose: what a peer says wrongly the gateway passes on
// as it is.
type Excuse struct {
	At  string // where the message may be wrong, as /params/arguments, and all below it
	Why string
}

// Watch returns an observer that fails t, at its end, over messages that the gateway should not have sent. It is to be called before
// the parts that it watches are started. Without schemas it returns nil.
func Watch(t testing.TB, excuses ...Excuse) trace.Observer {
	t.Helper()
	all, err := load()
	if err != nil {
		return nil // Need says why
	}
	w := newWatcher(all, excuses)
	t.Cleanup(func() { w.report(t) })
	return w.observe
}

// watcher judges messages as they come.
type watcher struct {
	mu    sync.Mutex
	talk  *conversation
	wrong []error
	seen  int
}

func newWatcher(all *schemas, excuses []Excuse) *watcher {
	return &watcher{talk: newConversation(all, excuses)}
}

func (w *watcher) observe(e trace.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen++
	w.wrong = append(w.wrong, w.talk.take(e)...)
}

func (w *watcher) report(t testing.TB) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, err := range w.wrong {
		if i == most {
			t.Errorf("and %d more messages against the schema", len(w.wrong)-most)
			return
		}
		t.Errorf("a message against the schema: %v", err)
	}
}

// CheckTrace fails t over the messages in the file of a full trace that the gateway should not have sent. Without schemas
// it does nothing.
func CheckTrace(t testing.TB, path string, excuses ...Excuse) {
	t.Helper()
	all, err := load()
	if err != nil {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	w := newWatcher(all, excuses)
	for line := range bytes.Lines(text) {
		if e, ok := parse(t, line); ok {
			w.observe(e)
		}
	}
	if w.seen == 0 {
		t.Error("the trace has no message")
	}
	w.report(t)
}

// parse reads a line of a trace. Those about the trace itself hold no event, nor does the end of a file whose writer was killed.
func parse(t testing.TB, line []byte) (e trace.Event, ok bool) {
	var in struct {
		Side                                          trace.Side
		Direction                                     trace.Direction
		Transport, Backend, Session, Request, Version string
		PID                                           int
		Note                                          string
		Kind                                          string
		Message                                       json.RawMessage
	}
	if err := json.Unmarshal(line, &in); err != nil {
		if strings.HasSuffix(string(line), "\n") {
			t.Errorf("a line of the trace: %v: %s", err, line)
		}
		return e, false
	}
	e = trace.Event{
		Side: in.Side, Direction: in.Direction, Transport: in.Transport, Backend: in.Backend, Process: in.PID,
		Session: in.Session, Request: in.Request, Version: in.Version, Message: in.Message,
	}
	return e, in.Note == ""
}
