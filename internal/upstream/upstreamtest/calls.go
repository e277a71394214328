package upstreamtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

func (b Backend) verbatim(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	odd := []string{
		`,"x":[1.0,1,1e2,9007199254740993,-0,123456789012345678901234567890]`,
		`,"x":"\u00e9 é \ud83d\ude00 😀 \/ \u0000"`,
		`,"x":{"a":1,"a":2,"A":3},"cursor":""`,
		`,"x":` + strings.Repeat("[", 900) + strings.Repeat("]", 900),
		`,"x":"` + strings.Repeat("long ", 100_000) + `"`,
	}
	for _, more := range odd {
		r := l.request("echo", `{"b":  1}`, more, nil)
		sent, err := mcp.Scan(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		m, err := l.conn.Call(t.Context(), r, upstream.Discard{})
		if err != nil {
			t.Fatal(err)
		}
		if got := mcp.Member(m.Bytes(m.Result), "structuredContent"); string(got) != string(sent.Bytes(sent.Params)) {
			t.Errorf("sent %.300s, got %.300s", sent.Bytes(sent.Params), got)
		}
	}
}

func (b Backend) backendError(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	want := `{"code":-31999,"message":"no \u00fcse","data":{"n":1.0},"more":null}`
	m, err := l.conn.Call(t.Context(), l.request("fail", `{"error":`+want+`}`, "", nil), upstream.Discard{})
	if err != nil || m.Kind != mcp.Error || string(m.Bytes(m.Error)) != want {
		t.Errorf("got %s, %v", m.Raw, err)
	}
}

func (b Backend) ownProgress(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() {
			up := newSink()
			r := l.request("progress", `{"n":20}`, "", nil)
			m, err := l.conn.Call(t.Context(), r, up)
			if err != nil || m.Kind != mcp.Result || len(up.notes) != 20 {
				t.Errorf("%d notifications, then %s, %v", len(up.notes), m.Raw, err)
				return
			}
			for i := range 20 {
				want := fmt.Sprintf(`{"progressToken":%d,"progress":%d}`, r.ID, i+1)
				if note := <-up.notes; string(note.Bytes(note.Params)) != want {
					t.Errorf("got %s, wanted %s", note.Raw, want)
				}
			}
		})
	}
	calls.Wait()
	l.up.empty(t, "the connection")
}

func (b Backend) ownAnswer(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	var clients sync.WaitGroup
	for client := range 16 {
		clients.Go(func() {
			for i := range 40 {
				mark := fmt.Sprintf(`"client %d call %d"`, client, i)
				m, err := l.conn.Call(t.Context(), l.request("echo", `{"mark":`+mark+`}`, "", client), upstream.Discard{})
				if err != nil || !strings.Contains(string(m.Raw), mark) {
					t.Errorf("%s got %s, %v", mark, m.Raw, err)
				}
			}
		})
	}
	clients.Wait()
}

// cancelHanging cancels a call of a tool once the server runs it.
func (l *link) cancelHanging(tool, text string) {
	l.t.Helper()
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(l.t.Context())
	up := newSink()
	returned := make(chan error, 1)
	var calling sync.WaitGroup
	defer calling.Wait()
	r := l.request(tool, `{"text":"`+text+`"}`, "", nil)
	calling.Go(func() {
		_, err := l.conn.Call(ctx, r, up)
		up.closed.Store(true)
		returned <- err
	})
	l.await(text)
	cancel(why)
	if err := <-returned; !errors.Is(err, why) {
		l.t.Errorf("Call returned %v, wanted the context's cause", err)
	}
	l.await("cancelled: " + text)
	up.empty(l.t, "the call")
}

func (b Backend) cancel(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	l.cancelHanging("hang", "one")
	l.cancelHanging("hang", "two")
}

func (b Backend) lateAnswer(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	l.cancelHanging("late", "one")
	for range 10 {
		if got := l.call("echo", `{}`, upstream.Discard{}); strings.Contains(got, "late") {
			t.Errorf("another call got the late answer %s", got)
		}
	}
	l.up.empty(t, "the connection")
}

func (b Backend) tooLarge(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{Limit: 100_000}, openingOf(era))
	other := make(chan error, 1)
	var calling sync.WaitGroup
	defer calling.Wait()
	calling.Go(func() {
		_, err := l.conn.Call(t.Context(), l.request("await", `{"text":"go on"}`, "", nil), upstream.Discard{})
		other <- err
	})
	for _, size := range []string{"100001", "1000000"} {
		_, err := l.conn.Call(t.Context(), l.request("big", `{"bytes":`+size+`}`, "", nil), upstream.Discard{})
		if fault.KindOf(err) != fault.TooLarge {
			t.Errorf("%s bytes: got %v, wanted a fault of kind TooLarge", size, err)
		}
	}
	l.call("big", `{"bytes":90000}`, upstream.Discard{})
	l.call("echo", `{"mark":"go on"}`, upstream.Discard{})
	if err := <-other; err != nil {
		t.Errorf("the other call failed: %v", err)
	}
}

func (b Backend) orderlyEnd(t *testing.T, era mcp.Era) {
	l := b.open(t, Script{}, openingOf(era))
	failed := make(chan error, 1)
	var calling sync.WaitGroup
	defer calling.Wait()
	calling.Go(func() {
		_, err := l.conn.Call(t.Context(), l.request("hang", `{"text":"at the end"}`, "", nil), upstream.Discard{})
		failed <- err
	})
	l.await("at the end")
	l.close()
	if err := <-failed; fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the call in flight got %v, wanted a fault of kind Unavailable", err)
	}
	if err := <-l.ended; err != nil {
		t.Errorf("Run returned %v", err)
	}
	if _, err := l.conn.Call(t.Context(), l.request("echo", `{}`, "", nil), upstream.Discard{}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a call after the end got %v, wanted a fault of kind Unavailable", err)
	}
}

func (b Backend) notConnected(t *testing.T, era mcp.Era) {
	l := &link{t: t, conn: b.New(t, Script{}).Connect(openingOf(era), upstream.Discard{})}
	if _, err := l.conn.Call(t.Context(), l.request("echo", `{}`, "", nil), upstream.Discard{}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v, wanted a fault of kind Unavailable", err)
	}
}
