//go:build linux

package proxies_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestIdle: calls, silent or not, outlive what a proxy lets a stream be idle,
// thanks to the gateway's beats. How long that is, the test does not measure: a
// twin of the proxies, in front of a server without beats, shows it by cutting
// a stream that was opened later.
func TestIdle(t *testing.T) {
	t.Parallel()
	const limit = "2s" // ten beats
	limits := map[string]string{"apache": "2"}
	for _, s := range setups() {
		if len(s.hops) == 0 {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			limit := limit
			if program, _, _ := strings.Cut(s.name, "/"); limits[program] != "" {
				limit = limits[program]
			}
			testIdle(t, s, limit)
		})
	}
}

func testIdle(t *testing.T, s setup, limit string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	site := s.start(t, limit)
	c := connect(t, site.streamable(), legacy)
	c.awaitTool(ctx, t, "steps")
	quiet, loud := newRun(), newRun()
	ends := map[string]<-chan outcome{
		loud:  c.begin(ctx, runArgs{Run: loud, Steps: 1}),
		quiet: c.beginQuiet(ctx, runArgs{Run: quiet, Steps: 1}),
	}
	c.sees(ctx, t, loud, 1)
	c.does(ctx, t, "begun", runArgs{Run: quiet}, "begun")

	awaitCut(ctx, t, s, limit)

	for run, ended := range ends {
		c.does(ctx, t, "permit", runArgs{Run: run}, "permitted")
		if got := <-ended; got.err != nil || got.text != run+" took 1 steps" {
			t.Errorf("after the limit, the call came to %q, %v", got.text, got.err)
		}
	}
}

// awaitCut opens a stream that stays silent, through proxies of its own, and
// returns when they have cut it.
func awaitCut(ctx context.Context, t *testing.T, s setup, limit string) {
	t.Helper()
	proxy := reserve(t)
	s.chain(t, proxy, serveSilence(t, s), limit)
	scheme := s.scheme
	if scheme == "" {
		scheme = "http"
	}
	_, port, _ := net.SplitHostPort(proxy)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(publicName, port)+s.prefix+"/mcp", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := httpClient(t, proxy, s.http2).Do(req)
	if err != nil {
		t.Fatalf("open a stream of a silent server: %v", err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); ctx.Err() != nil {
		t.Fatalf("the proxy cuts no silent stream, so nothing is shown: %v", err)
	}
}

// serveSilence is a server that answers whatever it is asked with the head of
// an event stream, one comment, and nothing more.
func serveSilence(t *testing.T, s setup) string {
	t.Helper()
	network, at := "tcp", "127.0.0.1:0"
	if strings.HasSuffix(s.name, "/unix") {
		network, at = "unix", shortDir(t)+"/silent.sock"
	}
	l, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			open.Go(func() { answerOnce(t, conn) })
		}
	})
	t.Cleanup(func() { l.Close(); open.Wait() })
	return l.Addr().String()
}

// answerOnce skips whatever stands before a request, as a PROXY header, and
// waits until the other side hangs up.
func answerOnce(t *testing.T, conn net.Conn) {
	defer context.AfterFunc(t.Context(), func() { conn.Close() })()
	defer conn.Close()
	in := bufio.NewReader(conn)
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = in.ReadString('\n'); err != nil {
			return
		}
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\n: hello\n\n")
	_, _ = io.Copy(io.Discard, in)
}
