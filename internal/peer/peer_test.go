package peer_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnswersFindTheirCallsInAnyOrder(t *testing.T) {
	t.Parallel()
	inBubble(t, peer.Options{}, func(r *rig) {
		a, b := r.call(1, "a", nil), r.call(2, "b", nil)
		r.send(`{"jsonrpc":"2.0","id":2,"result":"for b"}`, `{"jsonrpc":"2.0","id":9,"result":"for nobody"}`, ` {"result":"for a","id":1,"jsonrpc":"2.0"} `)
		if got := a.result(t) + b.result(t); got != `"for a""for b"` {
			t.Errorf("got %s", got)
		}
	})
}

func TestAnswersInABatch(t *testing.T) {
	t.Parallel()
	inBubble(t, peer.Options{}, func(r *rig) {
		a, b := r.call(1, "a", nil), r.call(2, "b", nil)
		r.send(`[{"jsonrpc":"2.0","id":2,"result":"for b"},{"jsonrpc":"2.0","id":1,"result":"for a"}]`)
		if got := a.result(t) + b.result(t); got != `"for a""for b"` {
			t.Errorf("got %s", got)
		}
	})
}

func TestALargeAnswerStaysWhenMoreIsRead(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 40_000, 70_000, 1 << 20, 3 << 20} {
		inBubble(t, peer.Options{}, func(r *rig) {
			want := strings.Repeat("a", size)
			a, b := r.call(1, "a", nil), r.call(2, "b", nil)
			r.send(`{"jsonrpc":"2.0","id":1,"result":"`+want+`"}`+"\n"+`{"jsonrpc":"2.0","id":2,"result":"b"}`, strings.Repeat(strings.Repeat(" ", 60_000)+"\n", 5))
			if got := a.result(t); got != `"`+want+`"` {
				t.Errorf("%d bytes: got %.50s", size, got)
			}
			if got := b.result(t); got != `"b"` {
				t.Errorf("%d bytes: then %.50s", size, got)
			}
		})
	}
}

func TestALastLineWithoutEndCounts(t *testing.T) {
	t.Parallel()
	inBubble(t, peer.Options{}, func(r *rig) {
		a := r.call(1, "a", nil)
		_, _ = io.WriteString(r.to, `{"jsonrpc":"2.0","id":1,"result":"last"}`)
		_ = r.to.Close()
		if got := a.result(t); got != `"last"` {
			t.Errorf("got %s", got)
		}
	})
}

func TestLineBreaksInABodyBecomeBlanks(t *testing.T) {
	t.Parallel()
	inBubble(t, peer.Options{}, func(r *rig) {
		body := "{\r\n\"jsonrpc\":\"2.0\",\n\"method\":\"x\"}"
		go func() { _ = r.Send(context.Background(), []byte(body)) }()
		if got := r.read(); got != `{  "jsonrpc":"2.0", "method":"x"}` {
			t.Errorf("wrote %q", got)
		}
		if !strings.Contains(body, "\n") {
			t.Error("the caller's bytes were changed")
		}
	})
}

func TestEndOfContext(t *testing.T) {
	t.Parallel()
	for method, told := range map[string]bool{"tools/call": true, "subscriptions/listen": true, "initialize": false, "server/discover": false} {
		inBubble(t, peer.Options{}, func(r *rig) {
			why := errors.New("enough")
			c := r.call(1, method, nil)
			c.cancel(why)
			if <-c.done; !errors.Is(c.err, why) {
				t.Errorf("%s: returned %v", method, c.err)
			}
			if told {
				if got := r.read(); got != `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}` {
					t.Errorf("%s: wrote %s", method, got)
				}
			}
			r.send(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}`, `{"jsonrpc":"2.0","id":1,"result":"late"}`)
			next := r.call(2, "next", nil) // and nothing was written before
			r.send(`{"jsonrpc":"2.0","id":2,"result":"on time"}`)
			if got := next.result(t); got != `"on time"` || c.up.take() != "" {
				t.Errorf("%s: the next call got %s", method, got)
			}
		})
	}
}

func TestCallWaitsForItsHandlerToBeLeft(t *testing.T) {
	t.Parallel()
	inBubble(t, peer.Options{}, func(r *rig) {
		c := r.call(1, "a", nil)
		entered, leave := make(chan struct{}), make(chan struct{})
		var left atomic.Bool
		c.up.onNote = func() {
			close(entered)
			<-leave
			left.Store(true)
		}
		go func() {
			_, _ = io.WriteString(r.to, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}`+"\n")
		}()
		<-entered
		c.cancel(nil)
		_ = r.read() // the cancellation does not wait
		go close(leave)
		if <-c.done; !left.Load() {
			t.Error("Call returned while its handler was running")
		}
	})
}

// Attribution of what names no call. The calls in flight are listed with their owners; the
// message goes to the call of that number, or to the connection.
func TestAttribution(t *testing.T) {
	t.Parallel()
	const vendor = `{"jsonrpc":"2.0","method":"notifications/vendor"}`
	tests := []struct {
		name    string
		owners  []any
		message string
		to      int // 0: the connection; -1: nobody
	}{
		{"no call", nil, vendor, 0},
		{"one call", []any{"a"}, vendor, 1},
		{"calls of one owner: the oldest", []any{"a", "a", "a"}, vendor, 1},
		{"calls of two owners", []any{"a", "b"}, vendor, 0},
		{"calls of nobody do not count", []any{nil, "a", nil}, vendor, 2},
		{"only calls of nobody", []any{nil}, vendor, 0},
		{"a request, one owner", []any{"a"}, `{"jsonrpc":"2.0","id":"x","method":"roots/list"}`, 1},
		{"a request, two owners", []any{"a", "b"}, `{"jsonrpc":"2.0","id":"x","method":"roots/list"}`, 0},
		{"progress", []any{"a", "b"}, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2}}`, 2},
		{"progress of no call", []any{"a"}, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7}}`, 0},
		{"progress with a token that is not ours", []any{"a"}, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"1"}}`, -1},
		{"a subscription", []any{"a", "b"}, `{"jsonrpc":"2.0","method":"notifications/x","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":2}}}`, 2},
		{"a subscription that has ended", []any{"a"}, `{"jsonrpc":"2.0","method":"notifications/x","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":7}}}`, -1},
		{"lists have changed", []any{"a"}, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`, 0},
		{"a resource has changed", []any{"a"}, `{"jsonrpc":"2.0","method":"notifications/resources/updated"}`, 0},
		{"cancellation of no request", []any{"a"}, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, peer.Options{}, func(r *rig) {
				handlers := []*recorder{r.up}
				for i, owner := range tt.owners {
					handlers = append(handlers, r.call(uint64(i+1), "x", owner).up)
				}
				r.send(tt.message)
				for i, h := range handlers {
					want := ""
					if i == tt.to {
						want = tt.message
					}
					if got := h.take(); got != want {
						t.Errorf("handler %d got %q, wanted %q", i, got, want)
					}
				}
			})
		})
	}
}

func TestASubscriptionOwnsNothingElse(t *testing.T) {
	t.Parallel()
	inBubble(t, peer.Options{}, func(r *rig) {
		listen, call := r.call(1, mcp.MethodListen, "a"), r.call(2, "x", "b")
		r.send(`{"jsonrpc":"2.0","method":"notifications/message"}`)
		if listen.up.take() != "" || call.up.take() == "" {
			t.Error("the message did not go to the only call that is no subscription")
		}
	})
}

func TestRequestsOfTheOtherSide(t *testing.T) {
	t.Parallel()
	const request = `{"jsonrpc":"2.0","id":"q","method":"roots/list"}`
	const cancel = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}`
	inBubble(t, peer.Options{}, func(r *rig) {
		c := r.call(1, "x", "a")
		r.send(request)
		if got := c.up.take(); got != request {
			t.Errorf("the call got %s", got)
		}
		answer := c.up.answers[0]
		answer([]byte(`{"jsonrpc":"2.0","id":"q","result":1}`))
		answer([]byte(`{"jsonrpc":"2.0","id":"q","result":2}`))
		if got := r.read(); !strings.HasSuffix(got, `"result":1}`) {
			t.Errorf("answered %s", got)
		}
		r.send(cancel, `{"jsonrpc":"2.0","id":5,"method":"ping"}`)
		if got := r.read(); got != `{"jsonrpc":"2.0","id":5,"result":{}}` {
			t.Errorf("after the second answer, or for the ping, wrote %s", got)
		}
		if got := c.up.take() + r.up.take(); got != "" {
			t.Errorf("cancelled after its answer: %s", got)
		}
		r.send(request, cancel)
		if got := c.up.take(); got != request+"\n"+cancel {
			t.Errorf("the call got %s", got)
		}
		c.up.answers[1]([]byte(`{"jsonrpc":"2.0","id":"q","result":3}`))
		r.send(`{"jsonrpc":"2.0","id":6,"method":"ping"}`)
		if got := r.read(); got != `{"jsonrpc":"2.0","id":6,"result":{}}` {
			t.Errorf("a request that was cancelled is answered: %s", got)
		}
	})
}

func TestTooManyOpenRequestsAreRefused(t *testing.T) {
	t.Parallel()
	inBubble(t, peer.Options{}, func(r *rig) {
		var all []string
		for i := range 1001 {
			all = append(all, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"roots/list"}`, i))
		}
		r.send(all...)
		if got := r.read(); !strings.Contains(got, `"id":1000,"error"`) {
			t.Errorf("wrote %s", got)
		}
	})
}

func TestBadAnswers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2000)
	tests := []struct {
		name, line string
		first      fault.Kind // of call 1
		second     fault.Kind // of call 2; Internal: it goes on
	}{
		{"too long, id in front", `{"jsonrpc":"2.0","id":1,"result":"` + long + `"}`, fault.TooLarge, fault.Internal},
		{"too long, id behind", `{"result":{"a":"` + long + `"},"jsonrpc":"2.0","id":1}`, fault.TooLarge, fault.Internal},
		{"too long, an error", `{"error":{"message":"` + long + `"}, "id": 1, "jsonrpc": "2.0"}`, fault.TooLarge, fault.Internal},
		{"too long for the reader's buffer", `{"jsonrpc":"2.0","id":1,"result":"` + strings.Repeat(long, 100) + `"}`, fault.TooLarge, fault.Internal},
		{"too long, id behind the reader's buffer", `{"result":"` + strings.Repeat(long, 100) + `","jsonrpc":"2.0","id":1}`, fault.TooLarge, fault.Internal},
		{"too long, of nobody known", `{"vendor":"` + long + `","result":{}}`, fault.TooLarge, fault.TooLarge},
		{"not JSON", `{"jsonrpc":"2.0","id":1,"result":{"a":01}}`, fault.Malformed, fault.Internal},
		{"routing members twice", `{"jsonrpc":"2.0","id":1,"result":{},"result":{}}`, fault.Malformed, fault.Internal},
		{"invalid UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"\xff\"}", fault.Malformed, fault.Internal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, peer.Options{MaxMessage: 1000}, func(r *rig) {
				first, second := r.call(1, "x", nil), r.call(2, "y", nil)
				r.send(tt.line)
				first.failed(t, tt.first)
				if tt.second != fault.Internal {
					second.failed(t, tt.second)
					return
				}
				r.send(`{"jsonrpc":"2.0","id":2,"result":"fine"}`)
				if got := second.result(t); got != `"fine"` {
					t.Errorf("got %s", got)
				}
			})
		})
	}
}

func TestStrayLinesFailNoCallAndAreLoggedInShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2000)
	inBubble(t, peer.Options{MaxMessage: 1000}, func(r *rig) {
		c := r.call(1, "x", "a")
		r.send("Server started", "", "\t", `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}`, `{"jsonrpc":"2.0"}`, `{"id":1}`, "[]", "[1]",
			`{"jsonrpc":"2.0","method":"notifications/message","params":"`+long+`"}`, `{"jsonrpc":"2.0","id":1,"method":"x","params":"`+long+`"}`)
		for range 1000 {
			r.send("chatter")
		}
		r.send(`{"jsonrpc":"2.0","id":1,"result":"fine"}`)
		if got := c.result(t); got != `"fine"` || c.up.take()+r.up.take() != "" {
			t.Errorf("got %s", got)
		}
		_ = r.to.Close()
		<-r.ended
		if n := strings.Count(r.log.String(), "\n"); n > 6 || !strings.Contains(r.log.String(), "Server started") {
			t.Errorf("logged %d lines:\n%s", n, r.log)
		}
	})
}

func TestTheEndOfTheStreamFailsAllCalls(t *testing.T) {
	t.Parallel()
	inBubble(t, peer.Options{}, func(r *rig) {
		a, b := r.call(1, "x", nil), r.call(2, "y", nil)
		_ = r.to.Close()
		a.failed(t, fault.Unavailable)
		b.failed(t, fault.Unavailable)
		if err := <-r.ended; fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), `"test"`) {
			t.Errorf("Run returned %v", err)
		}
		r.start(3, "z", nil).failed(t, fault.Unavailable)
		if err := r.Send(context.Background(), []byte("{}")); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("Send returned %v", err)
		}
	})
}

func TestTheEndOfRunsContextWritesWhatWaitsAndCloses(t *testing.T) {
	t.Parallel()
	inBubble(t, peer.Options{}, func(r *rig) {
		a := r.start(1, "x", nil) // not read yet
		r.stop()
		a.failed(t, fault.Unavailable)
		if got := r.read(); !strings.Contains(got, `"id":1`) {
			t.Errorf("wrote %s", got)
		}
		if _, err := r.lines.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("then %v", err)
		}
		<-r.Done()
		_ = r.to.Close()
		if err := <-r.ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestSendersWaitForASlowReaderAndGiveUp(t *testing.T) {
	t.Parallel()
	inBubble(t, peer.Options{}, func(r *rig) {
		big := bytes.Repeat([]byte("x"), 300<<10)
		if err := errors.Join(r.Send(t.Context(), big), sendAfter(r, big)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		why := errors.New("enough")
		waiting, gaveUp := make(chan error, 1), make(chan error, 1)
		go func() { waiting <- r.Send(context.Background(), []byte(`"third"`)) }()
		go func() { gaveUp <- r.Send(ctx, []byte(`"never"`)) }()
		synctest.Wait()
		cancel(why)
		if err := <-gaveUp; !errors.Is(err, why) {
			t.Errorf("the sender that gave up got %v", err)
		}
		first, second, third := r.read(), r.read(), r.read()
		if err := <-waiting; err != nil || len(first) != len(big) || len(second) != len(big) || third != `"third"` {
			t.Errorf("after %d and %d bytes came %q, %v", len(first), len(second), third, err)
		}
	})
}

// sendAfter sends when the writer has taken what was sent before.
func sendAfter(r *rig, body []byte) error {
	synctest.Wait()
	return r.Send(context.Background(), body)
}

func TestAHandlerMayAnswerFromItsOwnGoroutine(t *testing.T) {
	t.Parallel()
	in, to := io.Pipe()
	from, out := io.Pipe()
	p := peer.New(in, out, refuser{}, peer.Options{Name: "test"})
	ended := make(chan error)
	go func() { ended <- p.Run(t.Context()) }()
	const n = 500 // nobody reads the answers before all are asked
	for i := range n {
		if _, err := fmt.Fprintf(to, `{"jsonrpc":"2.0","id":%d,"method":"roots/list"}`+"\n", i); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewScanner(from)
	for i := range n {
		if !lines.Scan() || !strings.Contains(lines.Text(), fmt.Sprintf(`"id":%d,`, i)) {
			t.Fatalf("answer %d: %s", i, lines.Text())
		}
	}
	_ = to.Close()
	<-ended
}

type refuser struct{}

func (refuser) Notify(*mcp.Message) {}

func (refuser) Ask(m *mcp.Message, answer func([]byte)) {
	answer(mcp.AppendError(nil, m.IDBytes(), mcp.CodeMethodNotFound, "no", nil))
}
