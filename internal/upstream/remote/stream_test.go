package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// cut begins a stream that can be taken up again, and ends it.
func cut(w http.ResponseWriter, _ *http.Request, _ *mcp.Message) {
	events(w, "id: e-1\nretry: 1\ndata:", "id: e-2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}")
}

func isGetAfter(id string) func(record) bool {
	return func(r record) bool { return r.method == http.MethodGet && r.header.Get(mcp.HeaderLastEvent) == id }
}

func TestABrokenStreamIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	b := &backend{session: "s-1", call: cut}
	rest := make(chan string, 1)
	b.get = func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get(mcp.HeaderLastEvent) {
		case "e-2": // again without the answer, and then the connection breaks
			events(w, "id: e-3\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"roots/list\"}")
			reset(w)
		case "e-3":
			events(w, "data: "+<-rest)
		default:
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	}
	l := dial(t, serve(t, b).URL)
	p := l.begin()
	get(t, p.up.notes)
	a := get(t, p.up.asks)
	a.answer(mcp.AppendResult(nil, a.id, []byte(`{}`)))
	b.await(t, isGetAfter("e-3"))
	rest <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"a":1}}`, l.ids.Load())
	get(t, p.done)
	if p.err != nil || string(p.m.Bytes(p.m.Result)) != `{"a":1}` {
		t.Errorf("got %s, %v", p.m.Raw, p.err)
	}
	if got := b.await(t, isGetAfter("e-2")); got.header.Get(mcp.HeaderSession) != "s-1" {
		t.Errorf("GET carries %v", got.header)
	}
}

func TestAStreamIsNotTakenUpAgainWhereThatIsRefused(t *testing.T) {
	t.Parallel()
	for _, code := range []int{200, 400, 405} {
		b := &backend{call: cut, get: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }}
		_, _, err := dial(t, serve(t, b).URL).do(t.Context())
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "broke off its answer") {
			t.Errorf("%d: got %v", code, err)
		}
		if n := b.count(isGetAfter("e-2")); n != 1 {
			t.Errorf("%d: tried %d times", code, n)
		}
	}
}

func TestAModernStreamIsNotTakenUpAgain(t *testing.T) {
	t.Parallel()
	b := &backend{modern: true, call: cut}
	_, _, err := dial(t, serve(t, b).URL).do(t.Context())
	if fault.KindOf(err) != fault.Unavailable || b.count(isMethod(http.MethodGet)) != 0 {
		t.Errorf("got %v after %d GET", err, b.count(isMethod(http.MethodGet)))
	}
}

func TestACallEndsWhileItsStreamIsAway(t *testing.T) {
	t.Parallel()
	b := &backend{call: cut}
	b.get = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(mcp.HeaderLastEvent) == "" {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		<-r.Context().Done()
	}
	l := dial(t, serve(t, b).URL)
	p := l.begin()
	b.await(t, isGetAfter("e-2"))
	why := errors.New("enough")
	p.cancel(why)
	if get(t, p.done); !errors.Is(p.err, why) {
		t.Errorf("got %v", p.err)
	}
	b.await(t, holds("notifications/cancelled"))
}

// sending is the stream of a session on which goes what a test wants.
func sending(out <-chan string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		events(w, ": open")
		for {
			select {
			case text := <-out:
				events(w, "data: "+text)
			case <-r.Context().Done():
				return
			}
		}
	}
}

// TestTheStreamOfASession: what comes on it goes to the call that it names, to the calls of the one owner who
// has any, or to the connection.
func TestTheStreamOfASession(t *testing.T) {
	t.Parallel()
	out := make(chan string)
	b := &backend{session: "s-1"}
	b.get = sending(out)
	b.call = func(_ http.ResponseWriter, r *http.Request, _ *mcp.Message) { <-r.Context().Done() }
	l := dial(t, serve(t, b).URL)
	message := `{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"%d"}}`

	out <- fmt.Sprintf(message, 1)
	if got := get(t, l.up.notes); !strings.Contains(got, `"1"`) {
		t.Errorf("without a call: %s", got)
	}
	mine := l.begin()
	b.await(t, holds("tools/call"))
	out <- fmt.Sprintf(message, 2)
	if got := get(t, mine.up.notes); !strings.Contains(got, `"2"`) {
		t.Errorf("with one owner: %s", got)
	}
	out <- `{"jsonrpc":"2.0","id":"q","method":"roots/list"}`
	a := get(t, mine.up.asks)
	a.answer(mcp.AppendResult(nil, a.id, []byte(`{"roots":[]}`)))
	b.await(t, holds(`"id":"q","result":{"roots":[]}`))

	out <- `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`
	if got := get(t, l.up.notes); !strings.Contains(got, "list_changed") {
		t.Errorf("about the backend: %s", got)
	}
	out <- `not a message`
	r := l.request()
	r.Owner = "another"
	ctx, cancel := context.WithCancel(t.Context())
	theirs := make(chan error)
	up := newSink()
	go func() {
		_, err := l.Call(ctx, r, up)
		theirs <- err
	}()
	b.await(t, holds(fmt.Sprintf(`"id":%d,`, r.ID)))
	out <- fmt.Sprintf(message, 3)
	if got := get(t, l.up.notes); !strings.Contains(got, `"3"`) {
		t.Errorf("with two owners: %s", got)
	}
	out <- fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%d,"progress":1}}`, r.ID)
	if got := get(t, up.notes); !strings.Contains(got, "progress") {
		t.Errorf("progress: %s", got)
	}
	out <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{}}`, r.ID-1)
	if get(t, mine.done); mine.err != nil {
		t.Errorf("an answer on the stream of the session: %v", mine.err)
	}
	cancel()
	get(t, theirs)
}

func TestTheStreamOfASessionIsOpenedAgain(t *testing.T) {
	t.Parallel()
	b := &backend{session: "s-1"}
	b.get = func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get(mcp.HeaderLastEvent) {
		case "":
			events(w, "id: 1\nretry: 1\ndata:")
		case "1":
			events(w, "id: 2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}")
			reset(w)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}
	l := dial(t, serve(t, b).URL)
	get(t, l.up.notes)
	if err := l.end(); !errors.Is(err, upstream.ErrSessionLost) {
		t.Errorf("404 for a stream that was open: Run returned %v", err)
	}
	if n := b.count(isMethod(http.MethodGet)); n != 3 {
		t.Errorf("%d GET", n)
	}
}

func TestABackendWithoutAStream(t *testing.T) {
	t.Parallel()
	for _, code := range []int{404, 405, 400, 401, 200} {
		b := &backend{session: "s-1"}
		b.get = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
		l := dial(t, serve(t, b).URL)
		b.await(t, isMethod(http.MethodGet))
		if _, _, err := l.do(t.Context()); err != nil {
			t.Errorf("%d: %v", code, err)
		}
		l.stop()
		if err := l.end(); err != nil || b.count(isMethod(http.MethodGet)) != 1 {
			t.Errorf("%d: %v after %d GET", code, err, b.count(isMethod(http.MethodGet)))
		}
	}
}

func TestAnEndlessStreamIsLeft(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	b := &backend{modern: true}
	b.call = func(w http.ResponseWriter, r *http.Request, m *mcp.Message) {
		events(w, "data: "+result(m, `{}`))
		<-r.Context().Done()
		close(gone)
	}
	if _, _, err := dial(t, serve(t, b).URL).do(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-gone:
	case <-time.After(patience):
		t.Error("the stream is still held")
	}
}

// faucet is a sink that takes a result while it comes, and tells when that has begun.
type faucet struct {
	*sink
	begun chan struct{}
}

func (f faucet) Pour(context.Context, upstream.Coming) io.WriteCloser { return f }

func (f faucet) Write(p []byte) (int, error) {
	select {
	case f.begun <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (f faucet) Close() error { return nil }

// TestACallThatIsBeingAnsweredOwnsNothingElse: what comes on the stream of the session is for who still waits, however long the
// answer takes.
func TestACallThatIsBeingAnsweredOwnsNothingElse(t *testing.T) {
	t.Parallel()
	for name, owner := range map[string]string{"of the same owner": "me", "of another": "you"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, goOn := make(chan string), make(chan struct{})
			b := &backend{session: "s-1"}
			b.get = sending(out)
			b.call = func(w http.ResponseWriter, r *http.Request, m *mcp.Message) {
				if b.count(holds("tools/call")) > 1 {
					<-r.Context().Done()
					return
				}
				w.Header().Set("Content-Type", "application/json")
				text := result(m, `"`+strings.Repeat("x", 1<<20)+`"`)
				_, _ = io.WriteString(w, text[:1<<19])
				_ = http.NewResponseController(w).Flush()
				select {
				case <-goOn:
					_, _ = io.WriteString(w, text[1<<19:])
				case <-r.Context().Done():
				}
			}
			l := dial(t, serve(t, b).URL)
			large, done := faucet{newSink(), make(chan struct{}, 1)}, make(chan error, 1)
			r := l.request()
			r.Owner = owner
			go func() {
				_, err := l.Call(t.Context(), r, large)
				done <- err
			}()
			get(t, large.begun)
			waits := l.begin()
			b.await(t, holds(fmt.Sprintf(`"id":%d,`, r.ID+1)))
			out <- `{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"x"}}`
			out <- `{"jsonrpc":"2.0","id":"q","method":"roots/list"}`
			get(t, waits.up.notes)
			get(t, waits.up.asks)
			close(goOn)
			if err := get(t, done); err != nil {
				t.Error(err)
			}
		})
	}
}
