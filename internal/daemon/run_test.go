package daemon

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onemcp/internal/catalog"
	"onemcp/internal/config"
	"onemcp/internal/fault"
	"onemcp/internal/gateway"
)

// options returns what a daemon needs to serve the file's text on a free port.
func options(t testing.TB, text string) Options {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "mcp.json")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "$0", executable)), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := NewSource(SourceOptions{
		File: file, Flags: config.Flags{Port: "0"}, Executable: executable,
		Lookup: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		t.Fatal(err)
	}
	c, problems := source.Load()
	if c == nil {
		t.Fatal(problems)
	}
	return Options{
		Version: "test", Executable: executable, Source: source, Config: c,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

const exampleFile = `{"mcpServers": {"one": {"command": "$0", "args": ["example-server"]}}}`

// TestRunReturnsAfterAllItHasStarted stands for shutdown: what is left of goroutines, TestMain finds.
func TestRunReturnsAfterAllItHasStarted(t *testing.T) {
	t.Parallel()
	o := options(t, exampleFile)
	listening := make(chan Endpoint, 1)
	o.Listening = func(e Endpoint) { listening <- e }
	d := New(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()

	base := strings.TrimSuffix((<-listening).URL, "/mcp")
	awaitState(d, "one", gateway.Ready)
	if got := status(t, base+"/health/ready"); got != http.StatusOK {
		t.Errorf("/health/ready answers %d", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestShutdownLetsCallsEnd stops the daemon in the middle of a call, whose client gets its answer all the same.
func TestShutdownLetsCallsEnd(t *testing.T) {
	t.Parallel()
	o := options(t, exampleFile)
	listening := make(chan Endpoint, 1)
	o.Listening = func(e Endpoint) { listening <- e }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- New(o).Run(ctx) }()

	answer := callCount(t, (<-listening).URL)
	defer func() { _ = answer.Body.Close() }()
	events := bufio.NewScanner(answer.Body)
	for events.Scan() {
		if strings.Contains(events.Text(), "notifications/progress") {
			cancel()
		}
		if strings.Contains(events.Text(), "Counted to 5.") {
			break
		}
	}
	if ctx.Err() == nil {
		t.Error("no progress was told before the answer")
	}
	if !strings.Contains(events.Text(), "Counted to 5.") {
		t.Errorf("the last event is %q, %v", events.Text(), events.Err())
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// callCount has the example server count with a progress token.
func callCount(t *testing.T, url string) *http.Response {
	t.Helper()
	const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"one_1mcp_count","arguments":{"steps":5,"delay":50},` +
		`"_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},` +
		`"io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"}}}}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
		"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "one_1mcp_count",
	} {
		r.Header.Set(name, value)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func awaitState(d *Daemon, backend string, want gateway.State) {
	for {
		changed := d.Changed()
		for _, s := range d.Status() {
			if s.Name == backend && s.State == want {
				return
			}
		}
		<-changed
	}
}

func status(t *testing.T, url string) int {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

func TestAPortThatIsTakenStartsNothing(t *testing.T) {
	t.Parallel()
	first := options(t, exampleFile)
	listener, err := listen(t.Context(), &first.Config.Server)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	o := options(t, exampleFile)
	_, port, _ := strings.Cut(listener.Addr().String(), ":")
	o.Config.Server, _ = config.Override(o.Config.Server, config.Flags{Port: port}, func(string) (string, bool) { return "", false })
	err = New(o).Run(t.Context())
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "port "+port+" on 127.0.0.1 is in use") {
		t.Errorf("got %v", err)
	}
}

func TestProbeListsWhatEachBackendOffers(t *testing.T) {
	t.Parallel()
	o := options(t, `{"mcpServers": {
		"one": {"command": "$0", "args": ["example-server"]},
		"old": {"command": "$0", "args": ["example-server"], "protocol": "legacy"},
		"off": {"command": "$0", "disabled": true}}}`)
	probed, err := Probe(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		name  string
		state gateway.State
		tools string
	}{
		{"one", gateway.Ready, "echo count ask fail"},
		{"old", gateway.Ready, "echo count ask fail"},
		{"off", gateway.Disabled, ""},
	} {
		p := probed[i]
		if tools := strings.Join(p.Offer[catalog.Tools], " "); p.Name != want.name || p.State != want.state || tools != want.tools {
			t.Errorf("got %s %s %q, want %v", p.Name, p.State, tools, want)
		}
	}
}
