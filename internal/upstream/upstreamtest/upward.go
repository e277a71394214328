package upstreamtest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

func (b Backend) askBack(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	up := newSink()
	answer := make(chan string, 1)
	var calling sync.WaitGroup
	defer calling.Wait()
	params := `{"message":"who?","vendor":{"n":1.0}}`
	calling.Go(func() {
		m, err := l.conn.Call(t.Context(), l.request("ask", `{"method":"elicitation/create","params":`+params+`}`, "", "me"), up)
		if err != nil {
			t.Error(err)
		}
		text, _ := mcp.Unquote(Structured(&m))
		answer <- text
	})
	a := <-up.asks
	if string(a.m.Bytes(a.m.Params)) != params {
		t.Errorf("asked %s", a.m.Raw)
	}
	want := string(mcp.AppendResult(nil, a.m.IDBytes(), []byte(`{"action":"accept","n":1.0}`)))
	a.answer([]byte(want))
	if got := <-answer; got != want {
		t.Errorf("the backend got %s, wanted %s", got, want)
	}
	l.up.empty(t, "the connection")
}

func (b Backend) withdraw(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	up := newSink()
	if _, err := l.conn.Call(t.Context(), l.request("withdraw", `{}`, "", "me"), up); err != nil {
		t.Fatal(err)
	}
	a, note := <-up.asks, up.note(t)
	if note.Method != mcp.NoteCancelled || string(note.Value(mcp.FieldRequestID)) != string(a.m.IDBytes()) {
		t.Errorf("after request %s came %s", a.m.IDBytes(), note.Raw)
	}
	a.answer(mcp.AppendError(nil, a.m.IDBytes(), mcp.CodeInternal, "withdrawn", nil))
	l.up.empty(t, "the connection")
}

func (b Backend) pinged(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	up := newSink()
	m, err := l.conn.Call(t.Context(), l.request("ask", `{"method":"ping"}`, "", "me"), up)
	if err != nil || !strings.Contains(string(m.Raw), `\"result\":{}`) {
		t.Errorf("the backend got %s, %v", m.Raw, err)
	}
	up.empty(t, "the call")
	l.up.empty(t, "the connection")
}

func (b Backend) listen(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	m, err := mcp.Scan([]byte(`{"jsonrpc":"2.0","id":0,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	r := l.prepare(&m, "me")
	up := newSink()
	ctx, cancel := context.WithCancel(t.Context())
	returned := make(chan error, 1)
	var calling sync.WaitGroup
	defer calling.Wait()
	calling.Go(func() {
		_, err := l.conn.Call(ctx, r, up)
		returned <- err
	})
	for _, method := range []string{mcp.NoteAcknowledged, mcp.NoteToolsChanged} {
		note := up.note(t)
		if id, _ := mcp.Uint(note.Value(mcp.FieldMetaSubscription)); note.Method != method || id != r.ID {
			t.Errorf("got %s, wanted %s", note.Raw, method)
		}
	}
	cancel()
	if err := <-returned; !errors.Is(err, context.Canceled) {
		t.Errorf("Call returned %v", err)
	}
	l.up.empty(t, "the connection")
}

func (b Backend) crash(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	failed := make(chan error, 2)
	var calling sync.WaitGroup
	defer calling.Wait()
	call := func(tool string) {
		_, err := l.conn.Call(t.Context(), l.request(tool, `{"text":"other"}`, "", nil), upstream.Discard{})
		failed <- err
	}
	calling.Go(func() { call("hang") })
	l.await("other")
	calling.Go(func() { call("crash") })
	for range 2 {
		if err := <-failed; fault.KindOf(err) != fault.Unavailable {
			t.Errorf("a call got %v, wanted a fault of kind Unavailable", err)
		}
	}
	if err := <-l.ended; fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "exit code 3") {
		t.Errorf("Run returned %v", err)
	}
}

func (b Backend) stray(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	for _, text := range []string{"hello", "", "{", "[1]", `{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{}}`, "\\u0000", "null"} {
		l.call("noise", `{"text":"`+text+`"}`, upstream.Discard{})
	}
	l.up.empty(t, "the connection")
}

// attribution: a log message names no call, so it goes to the only owner of calls there is; the gateway itself is none.
func (b Backend) attribution(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	ctx, cancel := context.WithCancel(t.Context())
	var calling sync.WaitGroup
	defer calling.Wait()
	defer cancel()
	oldest := newSink()
	calling.Go(func() {
		_, _ = l.conn.Call(ctx, l.request("hang", `{"text":"oldest"}`, "", "me"), oldest)
	})
	l.await("oldest")
	for _, tt := range []struct {
		owner any
		to    *sink
	}{{"me", oldest}, {"you", l.up}, {nil, oldest}} {
		own := newSink()
		if _, err := l.conn.Call(t.Context(), l.request("log", `{"n":1,"text":"x"}`, "", tt.owner), own); err != nil {
			t.Fatal(err)
		}
		if note := tt.to.note(t); note.Method != mcp.NoteMessage {
			t.Errorf("owner %v: got %s", tt.owner, note.Raw)
		}
		own.empty(t, "the younger call")
		oldest.empty(t, "the older call")
		l.up.empty(t, "the connection")
	}
}

func (b Backend) listsChanged(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	own := newSink()
	if _, err := l.conn.Call(t.Context(), l.request("announce", `{"method":"notifications/tools/list_changed"}`, "", "me"), own); err != nil {
		t.Fatal(err)
	}
	if note := l.up.note(t); note.Method != mcp.NoteToolsChanged {
		t.Errorf("got %s", note.Raw)
	}
	own.empty(t, "the call")
}

// lateLog: what a backend says of a call that was given up is not for who happens to be the only one left.
func (b Backend) lateLog(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	other := newSink()
	var calling sync.WaitGroup
	defer calling.Wait()
	stay, leave := context.WithCancel(t.Context())
	defer leave()
	calling.Go(func() { _, _ = l.conn.Call(ctx, l.request("parting", `{"text":"secret"}`, "", "me"), newSink()) })
	calling.Go(func() { _, _ = l.conn.Call(stay, l.request("hang", `{"text":"bystander"}`, "", "you"), other) })
	l.await("secret")
	l.await("bystander")
	cancel()
	l.await("cancelled: secret")
	other.empty(t, "another client")
}
