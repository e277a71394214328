package daemon

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/catalog"
	"onemcp/internal/gateway"
)

// TestTheHeadOfARequestIsBounded by server.maxHeaderSize.
func TestTheHeadOfARequestIsBounded(t *testing.T) {
	t.Parallel()
	o := options(t, `{"server": {"maxHeaderSize": 8192}}`)
	listening := make(chan Endpoint, 1)
	o.Listening = func(e Endpoint) { listening <- e }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- New(o).Run(ctx) }()
	defer func() {
		cancel()
		<-ended
	}()
	base := strings.TrimSuffix((<-listening).URL, "/mcp")
	if got := status(t, base+"/health?"+strings.Repeat("x", 7<<10)); got != http.StatusOK {
		t.Errorf("a head of 7 KiB is answered with %d", got)
	}
	if got := status(t, base+"/health?"+strings.Repeat("x", 8<<10)); got != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("one above 8 KiB is answered with %d", got)
	}
}

// TestUnknownNamesAreToldUntilTheyAreKnown: with a reload that brings them the warnings end.
func TestUnknownNamesAreToldUntilTheyAreKnown(t *testing.T) {
	t.Parallel()
	var log lockedText
	o := options(t, `{"mcpServers": {"one": {"command": "$0", "disabled": true}}}`)
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	o.Stdio = &Stdio{Scope: gateway.Scope{Selector: catalog.Selector{How: catalog.ByServer, Text: "one,two"}}}
	d := New(o)
	face, err := d.openPipe()
	if err != nil {
		t.Fatal(err)
	}
	face.announce()
	const warning = `level=WARN msg="--servers names what the configuration does not have" unknown=[two] known=[one]`
	if got := log.String(); !strings.Contains(got, warning) {
		t.Errorf("the log is %s", got)
	}
	log.Reset()
	if err := os.WriteFile(o.Source.Path(), []byte(`{"mcpServers": {"one": {"command": "$0", "disabled": true}, "two": {"command": "x", "disabled": true}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	next, problems := o.Source.Load()
	if next == nil {
		t.Fatal(problems)
	}
	apply, err := face.prepare(next)
	if err != nil {
		t.Fatal(err)
	}
	apply()
	if got := log.String(); got != "" {
		t.Errorf("the log is %s", got)
	}
}

// lockedText is a text that grows.
type lockedText struct {
	mu sync.Mutex
	strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.Write(p)
}
