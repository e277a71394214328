package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"onemcp/internal/daemon"
	"onemcp/internal/gateway"
)

func TestOpeningTellsWhatToDoNext(t *testing.T) {
	t.Parallel()
	here := daemon.Endpoint{URL: "http://127.0.0.1:3000/mcp", Address: "127.0.0.1:3000", Loopback: true}
	for _, test := range []struct {
		name    string
		e       daemon.Endpoint
		file    string
		want    []string
		without string
	}{
		{"with a file", here, "/etc/1mcp/mcp.json", []string{
			"1mcp v1.2.3\n", "Endpoint       http://127.0.0.1:3000/mcp\n", "Configuration  /etc/1mcp/mcp.json\n",
			"claude mcp add --transport http 1mcp http://127.0.0.1:3000/mcp\n",
			`{"mcpServers": {"1mcp": {"url": "http://127.0.0.1:3000/mcp"}}}`,
			`{"servers": {"1mcp": {"type": "http", "url": "http://127.0.0.1:3000/mcp"}}}`,
		}, "!!"},
		{"without", here, "", []string{"none; looked for /a/mcp.json and /b/mcp.json\n", "the built-in example server is served"}, "!!"},
		{"for everybody", daemon.Endpoint{URL: "http://127.0.0.1:80/mcp", Address: "[::]:80"}, "f", []string{
			"!! Anybody who reaches [::]:80 can call every tool",
		}, "looked for"},
		{"a socket", daemon.Endpoint{URL: "unix:/run/1mcp.sock", Address: "unix:/run/1mcp.sock", Loopback: true}, "f", []string{
			"Endpoint       unix:/run/1mcp.sock\n", "through a reverse proxy",
		}, "claude"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := opening("v1.2.3", test.e, test.file, []string{"/a/mcp.json", "/b/mcp.json"})
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is missing in\n%s", want, got)
				}
			}
			if strings.Contains(got, test.without) {
				t.Errorf("%q is in\n%s", test.without, got)
			}
		})
	}
}

// states is a daemon of which only the states of its backends are known.
type states struct {
	mu      sync.Mutex
	now     []gateway.Status
	changed chan struct{}
}

func (s *states) Status() []gateway.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *states) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *states) set(now ...gateway.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
	close(s.changed)
	s.changed = make(chan struct{})
}

func TestEachChangeIsOneLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var out bytes.Buffer
		s := &states{changed: make(chan struct{})}
		go follow(ctx, &out, s)
		off := gateway.Status{Name: "off", State: gateway.Disabled}
		for _, now := range []gateway.Status{
			{Name: "one", State: gateway.Starting},
			{Name: "one", State: gateway.Starting},
			{Name: "one", State: gateway.Backoff, Error: "it ended"},
			{Name: "one", State: gateway.Starting, Attempts: 1},
			{Name: "one", State: gateway.Backoff, Error: "it ended", Attempts: 2},
			{Name: "one", State: gateway.Ready, Tools: 1, Resources: 12},
			{Name: "one", State: gateway.Ready},
		} {
			s.set(now, off)
			synctest.Wait()
		}
		want := "    one              starting\n" +
			"    off              disabled\n" +
			"    one              backoff   it ended\n" +
			"    one              ready     1 tool, 12 resources\n" +
			"    one              ready     offers nothing\n"
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", out.String(), want)
		}
	})
}

// screen collects what is printed and tells when there is more.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.more)
	s.more = make(chan struct{})
	return s.text.Write(p)
}

func (s *screen) await(want string) {
	for {
		s.mu.Lock()
		found, more := strings.Contains(s.text.String(), want), s.more
		s.mu.Unlock()
		if found {
			return
		}
		<-more
	}
}

// TestServeOnATerminal runs serve as a person would, without any configuration, and presses Ctrl-C.
func TestServeOnATerminal(t *testing.T) {
	t.Parallel()
	executable, err := exec.LookPath("1mcp") // where TestMain has put it
	if err != nil {
		t.Fatal(err)
	}
	signals := make(chan os.Signal, 1)
	print := &screen{more: make(chan struct{})}
	ended := make(chan int, 1)
	go func() {
		ended <- Run(Env{
			Version: "v1.2.3", Executable: executable, Args: []string{"--port", "0"}, Stderr: print, Stdout: print,
			Lookup: func(string) (string, bool) { return "", false }, Environ: os.Environ(), Dir: t.TempDir(), Terminal: true,
			Signals: func(...os.Signal) (<-chan os.Signal, func()) { return signals, func() {} },
		})
	}()
	print.await("claude mcp add --transport http 1mcp http://127.0.0.1:")
	print.await("example          ready     4 tools, 1 prompt, 1 resource, 1 resource template\n")
	signals <- syscall.SIGINT
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
	if text := print.text.String(); strings.Contains(text, "level=") || strings.Contains(text, `"level"`) {
		t.Errorf("a log line stands in the print:\n%s", text)
	}
}
