package session_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/session"
)

// read reads a stream from behind a message on until it ends, ctx ends, or limit messages have come, and returns the ids and the messages.
func read(ctx context.Context, st *session.Stream, after *uint64, limit int) (got []string, err error) {
	enough := errors.New("enough")
	err = st.Attach(ctx, session.Reader{After: after, Write: func(events []session.Event) (int, error) {
		for i, e := range events {
			if len(got) == limit {
				return i, enough
			}
			got = append(got, e.At.String()+" "+string(e.Msg))
		}
		if len(got) == limit {
			return len(events), enough
		}
		return len(events), nil
	}})
	if errors.Is(err, enough) {
		err = nil
	}
	return got, err
}

func place(n uint64) *uint64 { return &n }

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAStreamGoesOnWhereItsClientLostIt(t *testing.T) {
	t.Parallel()
	s := open(t, session.NewTable(session.Limits{}))
	st, other := s.NewStream(), s.NewStream()
	s.Send([]byte("own"))
	other.Send([]byte("other"))
	for _, m := range []string{"a", "b", "c"} {
		st.Send([]byte(m))
	}
	got, err := read(t.Context(), st, nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, "1-1 a", "1-2 b")
	st.Send([]byte("answer"))
	st.End()
	st.Send([]byte("late"))

	// b was written, but has not arrived
	again, after, over := s.Continue("1-1")
	if again != st || *after != 1 || over {
		t.Fatalf("Continue = %p, %v, %v", again, after, over)
	}
	got, err = read(t.Context(), st, after, 9)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, "1-2 b", "1-3 c", "1-4 answer")
	if _, _, over = s.Continue("1-4"); !over {
		t.Error("there should be nothing more")
	}
	got, err = read(t.Context(), st, place(0), 9)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, "1-1 a", "1-2 b", "1-3 c", "1-4 answer")
}

func TestWhatAClientGetsThatHasLostAStream(t *testing.T) {
	t.Parallel()
	table := session.NewTable(session.Limits{})
	for _, c := range []struct {
		id     string
		listen bool // the session's own stream has a reader
		want   string
	}{
		{"", false, "0 nil"},
		{"", true, "0 nil"},
		{"0-0", true, "0 0"},
		{"0-7", true, "0 7"},
		{"1-0", false, "1 0"},
		{"1-1", true, "1 1"},
		{"2-0", false, "2 0"},
		{"2-1", false, "2 1 over"},
		{"3-1", false, "0 nil"},
		{"3-1", true, "0 nil over"},
		{"x", false, "0 nil"},
		{"x", true, "0 nil over"},
		{"1-", true, "0 nil over"},
		{"1--1", false, "0 nil"},
		{"99999999999999999999-1", false, "0 nil"},
	} {
		t.Run(fmt.Sprintf("%q, %v", c.id, c.listen), func(t *testing.T) {
			t.Parallel()
			s := open(t, table)
			streams := []*session.Stream{nil, s.NewStream(), s.NewStream()}
			streams[0], _, _ = s.Continue("")
			streams[1].Send([]byte("m"))
			streams[2].Send([]byte("m"))
			streams[2].End()
			if c.listen {
				s.Send([]byte("m"))
				msgs, stop, done := stream(t, s)
				<-msgs
				defer func() { stop(); <-done }()
			}
			st, after, over := s.Continue(c.id)
			got := fmt.Sprint(slices.Index(streams, st), " nil")
			if after != nil {
				got = fmt.Sprint(slices.Index(streams, st), " ", *after)
			}
			if over {
				got += " over"
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestAReaderLearnsWhereItBegins(t *testing.T) {
	t.Parallel()
	s := open(t, session.NewTable(session.Limits{}))
	st := s.NewStream()
	begin := func(after *uint64) (at string) {
		stop := errors.New("stop")
		err := st.Attach(t.Context(), session.Reader{
			After: after,
			Begin: func(p session.Place) { at = p.String() },
			Write: func([]session.Event) (int, error) { return 0, stop },
		})
		if !errors.Is(err, stop) {
			t.Error(err)
		}
		return at
	}
	got := []string{begin(nil)}
	for range 3 {
		st.Send([]byte("m"))
	}
	got = append(got, begin(nil))
	if _, err := read(t.Context(), st, nil, 2); err != nil {
		t.Fatal(err)
	}
	got = append(got, begin(nil), begin(place(0)), begin(place(3)), begin(place(4)))
	equal(t, got, "1-0", "1-0", "1-2", "1-0", "1-3", "1-3")
}

func TestASlowReaderIsSentAwayAndNobodyWaits(t *testing.T) {
	t.Parallel()
	s := open(t, session.NewTable(session.Limits{}))
	slow, quick := s.NewStream(), s.NewStream()
	writing, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- slow.Attach(t.Context(), session.Reader{Write: func(e []session.Event) (int, error) {
			if len(e) > 0 {
				close(writing)
				<-goOn
			}
			return len(e), nil
		}})
	}()
	big := []byte(strings.Repeat("x", 1<<20))
	slow.Send(big)
	<-writing
	for range 15 {
		slow.Send(big)
	}
	quick.Send([]byte("q"))
	if got, err := read(t.Context(), quick, nil, 1); err != nil || len(got) != 1 {
		t.Errorf("the other stream: %q, %v", got, err)
	}
	slow.Send([]byte("one too many"))
	close(goOn)
	if err := <-done; !errors.Is(err, session.ErrSlow) {
		t.Errorf("Attach = %v", err)
	}
	slow.Send([]byte("answer"))
	slow.End()
	got, err := read(t.Context(), slow, place(0), 99)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, "1-17 one too many", "1-18 answer")
}

func TestABusyStreamCostsTheOthersNothing(t *testing.T) {
	t.Parallel()
	s := open(t, session.NewTable(session.Limits{}))
	lost, busy := s.NewStream(), s.NewStream()
	lost.Send([]byte("question"))
	for range 1000 {
		busy.Send([]byte("progress"))
	}
	lost.Send([]byte("answer"))
	lost.End()
	got, err := read(t.Context(), lost, place(0), 9)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, "1-1 question", "1-2 answer")
}

// What was written and ended goes first, so that what a client still waits for stays.
// TestABurstBeforeTheReaderComesIsKeptForIt: more than would be kept for a client that is away.
func TestABurstBeforeTheReaderComesIsKeptForIt(t *testing.T) {
	t.Parallel()
	const burst = 3000
	s := open(t, session.NewTable(session.Limits{}))
	st := s.NewStream()
	st.Expect()
	for i := range burst {
		st.Send(fmt.Appendf(nil, "%d", i))
	}
	st.End()
	got, err := read(t.Context(), st, nil, burst)
	if err != nil || len(got) != burst || got[0] != "1-1 0" {
		t.Errorf("got %d messages, %.1q first, %v", len(got), got, err)
	}
}

func TestStreamsThatWereReadMakeRoom(t *testing.T) {
	t.Parallel()
	s := open(t, session.NewTable(session.Limits{}))
	lost := s.NewStream()
	lost.Send([]byte(strings.Repeat("x", 600<<10)))
	for range 1000 {
		st := s.NewStream()
		st.Send([]byte("m"))
		st.End()
		if _, err := read(t.Context(), st, nil, 9); err != nil {
			t.Fatal(err)
		}
	}
	if st, _, _ := s.Continue("1-0"); st != lost {
		t.Error("the stream nobody has read is gone")
	}
	if st, _, _ := s.Continue("2-0"); st == nil || st == lost {
		t.Error("there is no stream for a client whose own is not known any more")
	}
	if st, after, _ := s.Continue("1001-0"); after == nil {
		t.Errorf("the newest stream is gone: %p", st)
	}
}

func TestTheNewestMessageStaysHoweverLarge(t *testing.T) {
	t.Parallel()
	s := open(t, session.NewTable(session.Limits{}))
	st := s.NewStream()
	st.Send([]byte("small"))
	st.Send([]byte(strings.Repeat("x", 20<<20)))
	st.End()
	got, err := read(t.Context(), st, place(0), 9)
	if err != nil || len(got) != 1 || len(got[0]) != len("1-2 ")+20<<20 {
		t.Errorf("%d messages, %v", len(got), err)
	}
}

// Together the sessions keep what the table allows, and each a little.
func TestSessionsShareWhatIsKept(t *testing.T) {
	t.Parallel()
	table := session.NewTable(session.Limits{Kept: 4 << 20})
	for range 100 {
		st := open(t, table).NewStream()
		for range 10 {
			st.Send([]byte(strings.Repeat("x", 100<<10)))
		}
	}
	if kept := table.Kept(); kept > 5<<20 || kept < 3<<20 {
		t.Errorf("%d bytes are kept", kept)
	}
	s := open(t, table)
	s.Send([]byte("small"))
	msgs, stop, done := stream(t, s)
	if got := <-msgs; got != "small" {
		t.Errorf("got %.20q", got)
	}
	stop()
	<-done
}

func TestWhatNobodyAsksForIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := session.NewTable(session.Limits{})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- table.Run(ctx) }()
		s := open(t, table)
		ended, live := s.NewStream(), s.NewStream()
		for _, st := range []*session.Stream{ended, live} {
			st.Send([]byte("a"))
			st.Send([]byte("b"))
			if got, err := read(ctx, st, nil, 1); err != nil || len(got) != 1 {
				t.Fatal(got, err)
			}
		}
		ended.End()
		time.Sleep(4 * time.Minute)
		if st, _, _ := s.Continue("1-0"); st != ended {
			t.Error("a stream is gone after four minutes")
		}
		if n := table.Kept(); n != 4 {
			t.Errorf("%d bytes are kept", n)
		}
		time.Sleep(2*time.Minute + time.Second)
		if st, _, _ := s.Continue("1-0"); st == ended {
			t.Error("an ended stream is kept for ever")
		}
		if n := table.Kept(); n != 1 {
			t.Errorf("%d bytes are kept of a message that nobody has read", n)
		}
		table.End(s)
		if n := table.Kept(); n != 0 {
			t.Errorf("%d bytes are kept of no session", n)
		}
		live.Send([]byte("c"))
		live.End()
		if got, err := read(ctx, live, nil, 1); len(got) > 0 || err == nil && table.Kept() != 0 {
			t.Errorf("an ended session has %q, %v", got, err)
		}
		cancel()
		<-ran
	})
}

// Readers come and go while messages are sent: each message arrives once and in order.
func TestNothingIsLostBetweenReaders(t *testing.T) {
	t.Parallel()
	table := session.NewTable(session.Limits{})
	s := open(t, table)
	const streams, messages = 8, 30 // together no more than is kept
	var all sync.WaitGroup
	for range streams {
		st := s.NewStream()
		all.Go(func() {
			for i := range messages {
				st.Send(fmt.Appendf(nil, "%d", i+1))
				if i%5 == 4 {
					runtime.Gosched()
				}
			}
			st.End()
		})
		all.Go(func() {
			var last uint64
			for n := 0; n < messages; {
				at := last
				if n%3 == 0 { // another one, which may get anything
					all.Go(func() { _, _ = read(t.Context(), st, &at, 1) })
				}
				got, err := read(t.Context(), st, &at, 7)
				if err != nil {
					t.Error(err)
					return
				}
				for _, text := range got {
					last++
					n++
					if !strings.HasSuffix(text, fmt.Sprintf("-%d %d", last, last)) {
						t.Errorf("got %q as message %d", text, last)
						return
					}
				}
			}
		})
	}
	all.Wait()
}

func TestAnIdleSessionIsSmall(t *testing.T) {
	table := session.NewTable(session.Limits{PerClient: 2000})
	const sessions = 1000
	before := heap()
	for range sessions {
		release, full := table.Claim([2]uint64{1, 2})
		if full != nil {
			t.Fatal(full)
		}
		s, err := table.Open(session.Spec{
			Principal: "anonymous", Endpoint: "/mcp", Version: "2025-11-25",
			Capabilities: make([]byte, 256), ClientInfo: make([]byte, 128),
		})
		if err != nil {
			t.Fatal(err)
		}
		s.OnEnd(release)
		s.OnEnd(func() { _ = s.ID })
		c, err := s.Begin(t.Context(), []byte("1"))
		if err != nil {
			t.Fatal(err)
		}
		c.Finish()
	}
	after := heap()
	if size := (after.HeapAlloc - before.HeapAlloc) / sessions; size > 1<<10 {
		t.Errorf("an idle session takes %d bytes", size)
	}
	if n := (after.HeapObjects - before.HeapObjects) / sessions; n > 6 { // itself, its id and mark, an end of its own, two things that its client said
		t.Errorf("an idle session is %d objects", n)
	}
	runtime.KeepAlive(table)
}

func heap() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

func TestTheSessionsOfOneClientAreCapped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := session.NewTable(session.Limits{PerClient: 2, Idle: time.Minute})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- table.Run(ctx) }()
		claim := func(client string) bool {
			release, full := table.Claim(client)
			if full != nil {
				return false
			}
			open(t, table).OnEnd(release)
			return true
		}
		first, second, third, other := claim("a"), claim("a"), claim("a"), claim("b")
		if !first || !second || third || !other {
			t.Error("two sessions each, it should be")
		}
		time.Sleep(2 * time.Minute) // they vanish without a word
		left := table.Len()
		first, second, third = claim("a"), claim("a"), claim("a")
		if left != 0 || !first || !second || third {
			t.Error("sessions that expired are counted")
		}
		cancel()
		<-ran
		if release, full := table.Claim("a"); full != nil {
			t.Error(full)
		} else {
			release()
		}
	})
}

func TestNoCapForOneClient(t *testing.T) {
	t.Parallel()
	table := session.NewTable(session.Limits{})
	for range 2000 {
		if _, full := table.Claim("a"); full != nil {
			t.Fatal(full)
		}
	}
}

func FuzzPlace(f *testing.F) {
	for _, seed := range []string{"0-0", "1-2", "-", "", "01-2", "1-2-3", "18446744073709551615-1", "+1-1", "1-１"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		p, ok := session.ParsePlace(id)
		if !ok {
			return
		}
		if again, ok := session.ParsePlace(p.String()); !ok || again != p {
			t.Errorf("%q is %v, and that %v", id, p, again)
		}
	})
}
