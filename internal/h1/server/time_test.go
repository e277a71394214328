package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// timed is a server with limits like ours.
func timed(h http.HandlerFunc) *http.Server {
	std := standard(h)
	std.ReadHeaderTimeout, std.IdleTimeout = 10*time.Second, 620*time.Second
	return std
}

// slowly sends a text, a byte a second, and reports when that failed.
func (c *client) slowly(text string) error {
	for _, b := range []byte(text) {
		if _, err := c.Write([]byte{b}); err != nil {
			return err
		}
		time.Sleep(time.Second)
	}
	return nil
}

func TestAHeadIsNotAwaitedForEver(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		play     func(c *client)
		from, to time.Duration
	}{
		"nothing comes":           {func(*client) {}, 10 * time.Second, 10 * time.Second},
		"it does not end":         {func(c *client) { c.send(get[:9]) }, 10 * time.Second, 10 * time.Second},
		"it comes byte by byte":   {func(c *client) { _ = c.slowly(get + get) }, 10 * time.Second, 11 * time.Second},
		"the next does not come":  {func(c *client) { c.send(get); c.wants("") }, 620 * time.Second, 680 * time.Second},
		"the next does not end":   {func(c *client) { c.send(get); c.wants(""); time.Sleep(time.Minute); c.send(get[:9]) }, 70 * time.Second, 70 * time.Second},
		"the next comes by bytes": {func(c *client) { c.send(get); c.wants(""); time.Sleep(time.Minute); _ = c.slowly(get) }, 70 * time.Second, 71 * time.Second},
		"after a line break":      {func(c *client) { c.send(post("/", "x")); c.wants("x"); c.send("\r\n" + get[:9]) }, 10 * time.Second, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, connect := piped(t, timed(echo))
				c, start := connect(), time.Now()
				tt.play(c)
				c.wantsEnd()
				if waited := time.Since(start); waited < tt.from || waited > tt.to {
					t.Errorf("closed after %v", waited)
				}
			})
		})
	}
}

// TestNoDeadlineOutlivesItsRequest: neither one that a handler sets, nor the watch's.
func TestNoDeadlineOutlivesItsRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, connect := piped(t, standard(func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			if r.URL.Path == "/bound" {
				_ = control.SetReadDeadline(time.Now().Add(time.Second))
				_ = control.SetWriteDeadline(time.Now().Add(time.Second))
			} else {
				time.Sleep(2 * watchAfter)
			}
			echo(w, r)
		}))
		c := connect()
		long := strings.Repeat("x", 9000)
		for range 3 {
			for _, path := range []string{"/", "/bound"} {
				c.send(post(path, long))
				c.wants(long)
				time.Sleep(time.Hour)
			}
		}
	})
}

func TestABodyHasTheTimeItsHandlerGives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, connect := piped(t, standard(func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second))
			body, err := io.ReadAll(r.Body)
			_, _ = fmt.Fprint(w, len(body), errors.Is(err, os.ErrDeadlineExceeded))
		}))
		c, start := connect(), time.Now()
		c.send(post("/", "xyz")[:len(post("/", "xyz"))-1])
		if resp := c.wants("2 true"); !resp.Close || time.Since(start) != time.Second {
			t.Errorf("closed: %t, after %v", resp.Close, time.Since(start))
		}
		c.wantsEnd()
	})
}

func TestAReaderThatIsSlowLosesItsAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failed := make(chan error, 1)
		_, connect := piped(t, standard(func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Second))
			_, err := w.Write(make([]byte, 100<<10))
			_, again := w.Write([]byte("x"))
			failed <- errors.Join(err, again)
		}))
		c, start := connect(), time.Now()
		c.send(get)
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		synctest.Wait()
		if _, _, err := c.answer(); err == nil {
			t.Error("the answer is whole")
		}
	})
}

// TestARefusedClientIsHeardOut for a while, since it may not read the answer before all is sent.
func TestARefusedClientIsHeardOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, connect := piped(t, standard(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "no") }))
		c := connect()
		body := strings.Repeat("x", 100<<10)
		sent := make(chan error)
		go func() {
			_, err := io.WriteString(c, post("/", body))
			sent <- err
		}()
		if resp := c.wants("no"); !resp.Close {
			t.Error("the connection is kept")
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		start := time.Now()
		c.wantsEnd()
		if waited := time.Since(start); waited != time.Second/2 {
			t.Errorf("closed after %v", waited)
		}
	})
}

// TestAnAnswerThatNobodyReadsIsGivenUp though its handler has set no deadline, or lifted its own.
func TestAnAnswerThatNobodyReadsIsGivenUp(t *testing.T) {
	t.Parallel()
	lifts := func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(time.Second))
		_ = control.SetWriteDeadline(time.Time{})
		echo(w, r)
	}
	for name, tt := range map[string]struct {
		head string
		h    http.HandlerFunc
	}{
		"plain":             {get, echo},
		"plain, lifted":     {get, lifts},
		"handed on":         {strings.Replace(get, "\r\n\r\n", "\r\nPragma: x\r\n\r\n", 1), echo},
		"handed on, lifted": {strings.Replace(get, "\r\n\r\n", "\r\nPragma: x\r\n\r\n", 1), lifts},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, connect := piped(t, standard(tt.h))
				c := connect()
				for range 3 { // a deadline that is set once holds for the next ones no longer than it should
					c.send(tt.head)
					c.wants("")
					time.Sleep(time.Hour)
				}
				start := time.Now()
				c.send(tt.head)
				synctest.Wait()
				if err := s.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
				if waited := time.Since(start); waited < 30*time.Second || waited > 2*time.Minute {
					t.Errorf("given up after %v", waited)
				}
			})
		})
	}
}

// TestAnAnswerTellsThatItIsTheLast where its head goes out while some of the request's body is not read.
func TestAnAnswerTellsThatItIsTheLast(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100<<10)
	_, address := serve(t, standard(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, long) }))
	c := dial(t, address)
	c.send(post("/", "abc")[:len(post("/", "abc"))-1])
	if resp := c.wants(long); !resp.Close {
		t.Error("the client may believe that the connection is of use")
	}
	c.wantsEnd()
}
