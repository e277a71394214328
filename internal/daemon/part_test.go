package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestALateStepNamesItselfAndTheNextOneRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := steps{slog.New(slog.NewTextHandler(&log, nil))}
		s.do("water the plants", time.Second, func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		})
		s.do("lock the door", time.Second, func(context.Context) error { return errors.New("no key") })
		ran := false
		s.do("leave", time.Second, func(context.Context) error { ran = true; return nil })
		if !ran {
			t.Error("the last step did not run")
		}
		for _, want := range []string{`step="water the plants" deadline=1s`, `step="lock the door" error="no key"`} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %s:\n%s", want, log.String())
			}
		}
	})
}

func TestAPartThatEndsByItselfIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []string
		ended := func(name string, err error) { told = append(told, name+": "+err.Error()) }
		start("short", func(context.Context) error { return errors.New("tired") }, ended)
		long := start("long", func(ctx context.Context) error { <-ctx.Done(); return nil }, ended)
		synctest.Wait()
		if err := long.stop(t.Context()); err != nil {
			t.Error(err)
		}
		if strings.Join(told, ", ") != "short: tired" {
			t.Errorf("told %q", told)
		}
	})
}

// TestDrainingWaitsForCallsAndNotForStreams sends one of each into a handler that ends when its client goes.
func TestDrainingWaitsForCallsAndNotForStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		finish := make(chan struct{})
		f := newInflight(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-finish:
			}
		}))
		send := func(r *http.Request) (ended *atomic.Bool) {
			ended = new(atomic.Bool)
			go func() {
				f.ServeHTTP(httptest.NewRecorder(), r)
				ended.Store(true)
			}()
			synctest.Wait()
			return ended
		}
		subscription := httptest.NewRequest(http.MethodPost, "/mcp", nil)
		subscription.Header.Set("Mcp-Method", "subscriptions/listen")
		resume := httptest.NewRequest(http.MethodGet, "/mcp", nil)
		resume.Header.Set("Last-Event-ID", "3-1")
		own := httptest.NewRequest(http.MethodGet, "/mcp", nil)
		own.Header.Set("Last-Event-ID", "0-1")
		stream, ownStream, resumed := send(httptest.NewRequest(http.MethodGet, "/mcp", nil)), send(own), send(resume)
		listen := send(subscription)
		old := send(httptest.NewRequest(http.MethodGet, "/sse", nil))
		call := send(httptest.NewRequest(http.MethodPost, "/mcp", nil))

		f.end()
		synctest.Wait()
		if !stream.Load() || !ownStream.Load() || !listen.Load() || call.Load() {
			t.Errorf("ended are stream: %v, %v, listen: %v, call: %v", stream.Load(), ownStream.Load(), listen.Load(), call.Load())
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if f.drained(soon) == nil {
			t.Error("drained while a call is in progress")
		}
		if old.Load() || resumed.Load() {
			t.Error("the stream of an old client or the rest of a call's stream ended with the others")
		}
		close(finish)
		if err := f.drained(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if !call.Load() {
			t.Error("the call has not ended")
		}
	})
}
