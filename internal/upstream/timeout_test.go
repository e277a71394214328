package upstream_test

import (
	"context"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// backend is a Caller that does something while the context lasts, and then never answers.
type backend func(ctx context.Context, up upstream.Sink)

func (b backend) Call(ctx context.Context, _ *upstream.Request, up upstream.Sink) (mcp.Message, error) {
	b(ctx, up)
	<-ctx.Done()
	return mcp.Message{}, context.Cause(ctx)
}

// client is a Sink that answers a question after some time.
type client struct {
	upstream.Discard
	after time.Duration
}

func (c client) Ask(_ *mcp.Message, answer func([]byte)) {
	time.AfterFunc(c.after, func() { answer(nil) })
}

// Pour implements upstream.Pourer: each piece takes some time.
func (c client) Pour(context.Context, upstream.Coming) io.WriteCloser { return c }

// Write implements io.Writer.
func (c client) Write(p []byte) (int, error) {
	time.Sleep(c.after)
	return len(p), nil
}

// Close implements io.Closer.
func (c client) Close() error {
	time.Sleep(c.after)
	return nil
}

// pours gives three pieces of an answer, one every 7 seconds, and then no more.
func pours(ctx context.Context, up upstream.Sink) {
	to := up.(upstream.Pourer).Pour(ctx, upstream.Coming{Length: -1})
	for range 3 {
		time.Sleep(7 * time.Second)
		_, _ = to.Write([]byte("x"))
	}
}

// poursAll gives an answer in one piece, and does nothing when it is over.
func poursAll(ctx context.Context, up upstream.Sink) {
	to := up.(upstream.Pourer).Pour(ctx, upstream.Coming{Length: -1})
	_, _ = to.Write([]byte("x"))
	_ = to.Close()
}

// reports tells of progress every 7 seconds.
func reports(ctx context.Context, up upstream.Sink) {
	for {
		select {
		case <-time.After(7 * time.Second):
			up.Notify(&mcp.Message{})
		case <-ctx.Done():
			return
		}
	}
}

func asks(_ context.Context, up upstream.Sink) { up.Ask(&mcp.Message{}, func([]byte) {}) }

func silent(context.Context, upstream.Sink) {}

func TestACallIsBounded(t *testing.T) {
	t.Parallel()
	const quiet, wholly = "was silent for 10s during tools/call (raise its requestTimeout", "took longer than 1m0s for tools/call (raise its maxRequestTime)"
	for _, c := range []struct {
		name           string
		silence, whole time.Duration
		does           backend
		answerAfter    time.Duration
		took           time.Duration
		why            string
	}{
		{"silence", 10 * time.Second, time.Minute, silent, 0, 10 * time.Second, quiet},
		{"silence, and no other bound", 10 * time.Second, 0, silent, 0, 10 * time.Second, quiet},
		{"progress starts the silence anew, but not the whole", 10 * time.Second, time.Minute, reports, 0, time.Minute, wholly},
		{"the whole, and no other bound", 0, time.Minute, silent, 0, time.Minute, wholly},
		{"progress where only the whole is bounded", 0, time.Minute, reports, 0, time.Minute, wholly},
		{"a question stops the silence", 10 * time.Second, time.Minute, asks, 30 * time.Second, 40 * time.Second, quiet},
		{"a question does not stop the whole", 10 * time.Second, time.Minute, asks, time.Hour, time.Minute, wholly},
		{"each piece of an answer starts the silence anew", 10 * time.Second, time.Minute, pours, 0, 31 * time.Second, quiet},
		{"the silence stands still while a piece is taken", 10 * time.Second, 2 * time.Minute, pours, 20 * time.Second, 91 * time.Second, quiet},
		{"the silence stands still while the end is taken", 10 * time.Second, 2 * time.Minute, poursAll, 20 * time.Second, 50 * time.Second, quiet},
		{"a piece does not stop the whole", 10 * time.Second, time.Minute, pours, time.Hour, 3 * (time.Hour + 7*time.Second), wholly},
		{"an answer starts no more than is left", 10 * time.Second, time.Minute, asks, 55 * time.Second, time.Minute, wholly},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := upstream.Timeout(c.does, upstream.NewClock(), "b", c.silence, c.whole).
					Call(t.Context(), &upstream.Request{Method: mcp.MethodToolsCall}, client{after: c.answerAfter})
				if took := time.Since(began); took != c.took {
					t.Errorf("it took %s, wanted %s", took, c.took)
				}
				if fault.KindOf(err) != fault.Timeout || !strings.Contains(fault.Public(err), c.why) {
					t.Errorf("%v, wanted %q", err, c.why)
				}
				time.Sleep(2 * time.Hour) // an answer that comes late starts nothing
			})
		})
	}
}

// mixed is a backend whose calls do as their names say.
type mixed map[string]backend

func (m mixed) Call(ctx context.Context, r *upstream.Request, up upstream.Sink) (mcp.Message, error) {
	does, ok := m[r.Name]
	if !ok { // it answers, after a while
		time.Sleep(3 * time.Second)
		return mcp.Message{}, nil
	}
	return does.Call(ctx, r, up)
}

func TestEachOfManyCallsHasItsOwnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock, does := upstream.NewClock(), mixed{"silent": silent, "reports": reports, "asks": asks}
		next, other := upstream.Timeout(does, clock, "b", 10*time.Second, time.Minute), upstream.Timeout(does, clock, "b", 4*time.Second, 0)
		var all sync.WaitGroup
		for range 20 {
			for name, want := range map[string]time.Duration{
				"silent": 10 * time.Second, "reports": time.Minute, "asks": 40 * time.Second, "answers": 3 * time.Second,
			} {
				all.Go(func() {
					began := time.Now()
					_, err := next.Call(t.Context(), &upstream.Request{Name: name}, client{after: 30 * time.Second})
					if took := time.Since(began); took != want || (err == nil) != (name == "answers") {
						t.Errorf("%s: it took %s, wanted %s; %v", name, took, want, err)
					}
				})
			}
			all.Go(func() {
				began := time.Now()
				_, err := other.Call(t.Context(), &upstream.Request{Name: "silent"}, client{})
				if took := time.Since(began); took != 4*time.Second || err == nil {
					t.Errorf("on another connection it took %s; %v", took, err)
				}
			})
			time.Sleep(1700 * time.Millisecond)
		}
		all.Wait()
	})
}

// keeper is a Sink that keeps how a question is answered.
type keeper struct {
	upstream.Discard
	answer func([]byte)
}

func (k *keeper) Ask(_ *mcp.Message, answer func([]byte)) { k.answer = answer }

// once asks a question and answers.
type once struct{}

func (once) Call(_ context.Context, _ *upstream.Request, up upstream.Sink) (mcp.Message, error) {
	asks(context.Background(), up)
	return mcp.Message{}, nil
}

// TestAQuestionThatIsOpenDoesNotKeepItsCall: tasks ask, and may wait for a person when the call that began them is long over.
func TestAQuestionThatIsOpenDoesNotKeepItsCall(t *testing.T) {
	t.Parallel()
	up, freed := new(keeper), make(chan struct{})
	r := &upstream.Request{Body: make([]byte, 100)}
	runtime.AddCleanup(r, func(int) { close(freed) }, 0)
	if _, err := upstream.Timeout(once{}, upstream.NewClock(), "b", time.Hour, 0).Call(life.With(t.Context()), r, up); err != nil {
		t.Fatal(err)
	}
	r = nil
	await(t, freed)
	up.answer(nil)
}

// twice is a backend in whose calls others are made.
type twice struct{ next *upstream.Caller }

func (c twice) Call(ctx context.Context, r *upstream.Request, up upstream.Sink) (mcp.Message, error) {
	if r.Method == "" {
		return mcp.Message{}, nil
	}
	return (*c.next).Call(ctx, new(upstream.Request), up)
}

// TestCallsThatAreOverAreNotKept, though there were several at a time.
func TestCallsThatAreOverAreNotKept(t *testing.T) {
	t.Parallel()
	var next upstream.Caller
	next = upstream.Timeout(twice{&next}, upstream.NewClock(), "b", time.Hour, 0)
	r, freed := &upstream.Request{Method: mcp.MethodToolsCall}, make(chan struct{})
	runtime.AddCleanup(r, func(int) { close(freed) }, 0)
	if _, err := next.Call(life.With(t.Context()), r, upstream.Discard{}); err != nil {
		t.Fatal(err)
	}
	r = nil
	await(t, freed)
	runtime.KeepAlive(next)
}

// await waits until something is collected.
func await(t *testing.T, freed chan struct{}) {
	t.Helper()
	for late := time.Now().Add(time.Minute); ; runtime.GC() {
		select {
		case <-freed:
			return
		default:
		}
		if time.Now().After(late) {
			t.Fatal("it is kept")
		}
	}
}

func TestBoundingACallAllocatesNothing(t *testing.T) {
	next := upstream.Timeout(new(nobody), upstream.NewClock(), "b", time.Minute, time.Hour)
	ctx, all := life.With(t.Context()), make([]upstream.Request, 102)
	n := 0
	if got := testing.AllocsPerRun(100, func() {
		_, _ = next.Call(ctx, &all[n], upstream.Discard{})
		n++
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// BenchmarkTimeout is what it costs to bound a call.
func BenchmarkTimeout(b *testing.B) {
	next := upstream.Timeout(new(nobody), upstream.NewClock(), "b", time.Minute, time.Hour)
	ctx, r := b.Context(), new(upstream.Request)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = next.Call(ctx, r, upstream.Discard{})
	}
}

func TestNoBoundIsNoDecorator(t *testing.T) {
	t.Parallel()
	next := upstream.Caller(new(nobody))
	if upstream.Timeout(next, upstream.NewClock(), "b", 0, 0) != next {
		t.Error("a call without bounds goes through a decorator")
	}
}

type nobody struct{}

func (*nobody) Call(context.Context, *upstream.Request, upstream.Sink) (mcp.Message, error) {
	return mcp.Message{}, nil
}
