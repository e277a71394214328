package session_test

import (
	"context"
	"testing"
	"testing/synctest"

	"onemcp/internal/session"
)

// A reader that is replaced while it writes has not delivered what it was writing.
func TestAReaderThatIsReplacedTakesNothingAway(t *testing.T) {
	t.Parallel()
	s := open(t, session.NewTable(session.Limits{}))
	st := s.NewStream()
	st.Send([]byte("a"))
	writing, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- st.Attach(t.Context(), session.Reader{Write: func(e []session.Event) (int, error) {
			close(writing)
			<-goOn
			return len(e), nil
		}})
	}()
	<-writing
	got, err := read(t.Context(), st, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, "1-1 a")
	close(goOn)
	if err := <-done; err != nil {
		t.Errorf("the reader that was replaced ends with %v", err)
	}
}

// A reader that is replaced ends at once, whatever it was doing, and not with the next beat.
func TestAReaderThatIsReplacedEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, session.NewTable(session.Limits{}))
		st := s.NewStream()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		goOn := make(chan struct{})
		done := make(chan string, 3)
		attach := func(name string, write func()) {
			go func() {
				_ = st.Attach(ctx, session.Reader{Write: func(e []session.Event) (int, error) { write(); return len(e), nil }})
				done <- name
			}()
			synctest.Wait()
		}
		attach("writes", func() { <-goOn })
		attach("waits", func() {})
		attach("newest", func() {})
		close(goOn)
		synctest.Wait()
		if len(done) != 2 {
			t.Errorf("%d of two readers that were replaced have ended", len(done))
		}
		cancel()
		for range 3 {
			<-done
		}
	})
}
