package session_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/session"
)

func open(t *testing.T, table *session.Table) *session.Session {
	t.Helper()
	s, err := table.Open(session.Spec{Principal: "p", Endpoint: "/mcp"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASessionIsKnownToItsOwnerOnly(t *testing.T) {
	t.Parallel()
	table := session.NewTable(session.Limits{})
	s := open(t, table)
	if got, err := table.Get(s.ID, "p", "/mcp"); err != nil || got != s {
		t.Errorf("Get = %v, %v", got, err)
	}
	for _, other := range [][3]string{{"x", "p", "/mcp"}, {s.ID, "q", "/mcp"}, {s.ID, "p", "/mcp/servers/a"}} {
		if _, err := table.Get(other[0], other[1], other[2]); fault.KindOf(err) != fault.NotFound {
			t.Errorf("Get%v = %v", other, err)
		}
	}
}

func TestIdleSessionsExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := session.NewTable(session.Limits{Idle: time.Minute, Unread: 5 * time.Minute})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- table.Run(ctx) }()
		idle, used, busy, read := open(t, table), open(t, table), open(t, table), open(t, table)
		reading, stop := context.WithCancel(ctx)
		stopped := make(chan error, 1)
		go func() {
			stopped <- read.Attach(reading, 0, func([]byte) error { return nil }, nil)
		}()
		call, err := busy.Begin(ctx, []byte("1"))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(50 * time.Second) // synctest: the bubble's clock
			if _, err := table.Get(used.ID, "p", "/mcp"); err != nil {
				t.Errorf("a session in use has expired: %v", err)
			}
		}
		if _, err := table.Get(idle.ID, "p", "/mcp"); err == nil {
			t.Error("an idle session lives")
		}
		if busy.Context().Err() != nil {
			t.Error("a session with a call in flight has expired")
		}
		time.Sleep(5 * time.Minute)
		if busy.Context().Err() == nil {
			t.Error("a session lives although nobody waits for the answer to its call")
		}
		if read.Context().Err() != nil {
			t.Error("a session that is read has expired")
		}
		stop()
		<-stopped
		if time.Sleep(30 * time.Second); read.Context().Err() != nil {
			t.Error("a client that has lost its stream has no time to come back")
		}
		if time.Sleep(time.Minute); read.Context().Err() == nil {
			t.Error("a session that is not read any more lives")
		}
		call.Finish()
		cancel()
		if err := <-done; err != nil || table.Len() != 0 {
			t.Errorf("Run = %v, %d sessions left", err, table.Len())
		}
		if _, err := table.Open(session.Spec{}); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("a closed table opens sessions: %v", err)
		}
	})
}

func TestTheTableHasACap(t *testing.T) {
	t.Parallel()
	table := session.NewTable(session.Limits{Max: 1})
	s := open(t, table)
	if _, err := table.Open(session.Spec{}); fault.KindOf(err) != fault.Busy {
		t.Errorf("a full table: %v", err)
	}
	table.End(s)
	open(t, table)
}

func TestCallsEndWithTheirCause(t *testing.T) {
	t.Parallel()
	table := session.NewTable(session.Limits{})
	s := open(t, table)
	one, err := s.Begin(t.Context(), []byte(`"a"`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(t.Context(), []byte(`"a"`)); fault.KindOf(err) != fault.Conflict {
		t.Errorf("the same id twice: %v", err)
	}
	first := one.Context()
	s.Cancel([]byte(`"b"`))
	if first.Err() != nil {
		t.Error("another id's cancel ended the call")
	}
	s.Cancel([]byte(`"a"`))
	<-first.Done()
	if !errors.Is(context.Cause(first), session.ErrCancelled) {
		t.Errorf("cause %v", context.Cause(first))
	}
	one.Finish()
	two, err := s.Begin(t.Context(), []byte(`"a"`))
	if err != nil {
		t.Fatalf("an id that is free again: %v", err)
	}
	defer two.Finish()
	second := two.Context()
	ended := make(chan struct{})
	s.OnEnd(func() { close(ended) })
	table.End(s)
	<-second.Done()
	<-ended
	if !errors.Is(context.Cause(second), session.ErrEnded) {
		t.Errorf("cause %v", context.Cause(second))
	}
	if _, err := s.Begin(t.Context(), []byte(`1`)); !errors.Is(err, session.ErrEnded) {
		t.Errorf("a call on an ended session: %v", err)
	}
}

func TestEachOfSeveralCallsIsFound(t *testing.T) {
	t.Parallel()
	s := open(t, session.NewTable(session.Limits{}))
	var ids []string
	calls := make(map[string]*session.Call)
	begin := func(id string) {
		c, err := s.Begin(t.Context(), []byte(id))
		if err != nil {
			t.Fatal(err)
		}
		ids, calls[id] = append(ids, id), c
	}
	begin("1")
	begin("2")
	begin(`"1"`)
	calls["1"].Finish()
	begin("3")
	begin("1")
	for _, id := range ids[1:] {
		if _, err := s.Begin(t.Context(), []byte(id)); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a second call %s: %v", id, err)
		}
	}
	for id, c := range calls {
		if c.Context().Err() != nil {
			t.Errorf("call %s has ended before it was cancelled", id)
		}
		s.Cancel([]byte(id))
		if c.Context().Err() == nil {
			t.Errorf("call %s was not cancelled", id)
		}
		c.Finish()
	}
	if n := s.InFlight(); n != 0 {
		t.Errorf("%d calls are in flight at the end", n)
	}
}

// TestWhoKnowsACallThatIsOverDoesNotKeepItsSession.
func TestWhoKnowsACallThatIsOverDoesNotKeepItsSession(t *testing.T) {
	t.Parallel()
	table, freed := session.NewTable(session.Limits{}), make(chan struct{})
	call := func() context.Context {
		s := open(t, table)
		runtime.AddCleanup(s, func(int) { close(freed) }, 0)
		c, err := s.Begin(t.Context(), []byte("1"))
		if err != nil {
			t.Fatal(err)
		}
		c.Finish()
		table.End(s)
		return c.Context()
	}()
	for late := time.Now().Add(time.Minute); ; runtime.GC() {
		select {
		case <-freed:
			runtime.KeepAlive(call)
			return
		default:
		}
		if time.Now().After(late) {
			t.Fatal("it is kept")
		}
	}
}

// stream attaches to s and passes messages on until stop; done tells how it ended.
func stream(t *testing.T, s *session.Session) (msgs chan string, stop func(), done chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	msgs, done = make(chan string, 1000), make(chan error, 1)
	go func() {
		done <- s.Attach(ctx, 0, func(m []byte) error { msgs <- string(m); return nil }, nil)
	}()
	return msgs, cancel, done
}

func TestMessagesWaitForAStream(t *testing.T) {
	t.Parallel()
	s := open(t, session.NewTable(session.Limits{}))
	for i := range 300 {
		s.Send(fmt.Appendf(nil, "%d", i))
	}
	msgs, stop, done := stream(t, s)
	if first := <-msgs; first != "44" {
		t.Errorf("the first of the newest 256 is %s", first)
	}
	for range 255 {
		<-msgs
	}
	s.Send([]byte("live"))
	if got := <-msgs; got != "live" {
		t.Errorf("got %q", got)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Attach = %v", err)
	}
}

func TestTheNewestStreamWins(t *testing.T) {
	t.Parallel()
	s := open(t, session.NewTable(session.Limits{}))
	old, _, oldDone := stream(t, s)
	s.Send([]byte("1"))
	<-old
	newer, stop, done := stream(t, s)
	if err := <-oldDone; err != nil {
		t.Errorf("the old stream ends with %v", err)
	}
	s.Send([]byte("2"))
	if got := <-newer; got != "2" {
		t.Errorf("got %q", got)
	}
	stop()
	<-done
}

func TestAFailedWriteLosesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, session.NewTable(session.Limits{}))
	s.Send([]byte("1"))
	s.Send([]byte("2"))
	broken := errors.New("broken pipe")
	if err := s.Attach(t.Context(), 0, func([]byte) error { return broken }, nil); !errors.Is(err, broken) {
		t.Errorf("Attach = %v", err)
	}
	msgs, stop, done := stream(t, s)
	if a, b := <-msgs, <-msgs; a != "1" || b != "2" {
		t.Errorf("got %s, %s", a, b)
	}
	stop()
	<-done
}

func TestTheStreamBeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, session.NewTable(session.Limits{}))
		beats, enough := 0, errors.New("enough")
		start := time.Now()
		err := s.Attach(t.Context(), 15*time.Second, func([]byte) error { return nil }, func() error {
			if beats++; beats == 3 {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) || time.Since(start) != 45*time.Second {
			t.Errorf("Attach = %v after %s", err, time.Since(start))
		}
	})
}
