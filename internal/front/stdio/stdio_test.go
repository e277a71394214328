package stdio_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"onemcp/internal/front/stdio"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/session"
	driver "onemcp/internal/upstream/stdio"
	"onemcp/internal/upstream/upstreamtest"
)

func TestMain(m *testing.M) { os.Exit(upstreamtest.Main(m)) }

// patience ends a test that waits for what does not happen.
const patience = time.Minute

// maxMessage is the limit of a line in these tests.
const maxMessage = 64 << 10

// newGateway runs a gateway with a legacy server, red, a modern one, blue, and green, which has a connection for
// each session.
func newGateway(t *testing.T) (*gateway.Gateway, *session.Table) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	sessions := session.NewTable(session.Limits{})
	green := backend(t, "green")
	green.Isolation = gateway.PerSession
	g := gateway.New(gateway.Options{Version: "1.2.3", Log: log, Sessions: sessions, Drain: patience}, gateway.Setup{
		Backends: []gateway.Spec{backend(t, "red", mcp.Legacy), backend(t, "blue", mcp.Modern), green},
	})
	t.Cleanup(run(g.Run))
	t.Cleanup(run(sessions.Run))
	return g, sessions
}

// backend describes a scripted server of the eras, or of both.
func backend(t *testing.T, name string, eras ...mcp.Era) gateway.Spec {
	t.Helper()
	command, env := upstreamtest.Script{Eras: eras}.Command(t)
	return gateway.Spec{
		Name: name, Identity: name, Local: true, ConnectionTimeout: patience, RequestTimeout: patience,
		Driver: driver.Driver{Options: driver.Options{Name: name, Command: command, Env: env, Trace: mcptest.Watch(t)}},
	}
}

// run runs a part and returns what stops it and waits for its end.
func run(part func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = part(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// client is the program at the other end of the pipes.
type client struct {
	t       *testing.T
	to      *io.PipeWriter
	stopped chan struct{} // closed when Run has returned
	stop    context.CancelFunc
	seen    map[string]string // what later lines may need of earlier ones

	mu    sync.Mutex
	lines []string      // not taken yet
	all   []string      //
	more  chan struct{} // closed when there is more, or no more
}

// dial starts a front and returns its client.
func dial(t *testing.T, o stdio.Options, excuses ...mcptest.Excuse) *client {
	t.Helper()
	in, to := io.Pipe()
	from, out := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	c := &client{t: t, to: to, stop: cancel, stopped: make(chan struct{}), seen: map[string]string{}, more: make(chan struct{})}
	o.Trace = mcptest.Watch(t, excuses...)
	f := stdio.New(o)
	go func() {
		defer close(c.stopped)
		_ = f.Run(ctx, in, out)
	}()
	var reading sync.WaitGroup
	reading.Go(func() { c.read(from) })
	t.Cleanup(func() {
		_ = to.Close()
		cancel()
		<-c.stopped
		reading.Wait()
	})
	return c
}

func (c *client) read(from io.Reader) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 32<<20)
	for lines.Scan() {
		c.mu.Lock()
		c.lines, c.all = append(c.lines, lines.Text()), append(c.all, lines.Text())
		close(c.more)
		c.more = make(chan struct{})
		c.mu.Unlock()
	}
}

func (c *client) say(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.to, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// take returns a line that fits and takes it away, or what to wait for.
func (c *client) take(fits func(string) bool) (line string, more <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, line := range c.lines {
		if fits(line) {
			c.lines = append(c.lines[:i:i], c.lines[i+1:]...)
			return line, nil
		}
	}
	return "", c.more
}

func (c *client) await(what string, fits func(string) bool) string {
	c.t.Helper()
	late := time.After(patience)
	for {
		line, more := c.take(fits)
		if more == nil {
			return line
		}
		select {
		case <-more:
		case <-late:
			c.mu.Lock()
			defer c.mu.Unlock()
			c.t.Fatalf("no line like %s in\n%s", what, strings.Join(c.all, "\n"))
		}
	}
}

func (c *client) hear(part string) string {
	c.t.Helper()
	return c.await(part, func(line string) bool { return strings.Contains(line, part) })
}

// end closes the client's end and waits for the front's.
func (c *client) end() {
	c.t.Helper()
	_ = c.to.Close()
	if !c.gone() {
		c.t.Fatal("the front does not end")
	}
}

// said reports whether any line had a part.
func (c *client) said(part string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(strings.Join(c.all, "\n"), part)
}

const (
	labels = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"sampling":{}}}`
	hello  = `{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{},"sampling":{}},"clientInfo":{"name":"test","version":"1"}}}`
)

// Each file of testdata holds conversations, which run before one gateway with three scripted servers. A line begins with
//
//	#    a comment
//	>    what the client writes
//	<    a line that comes, now or later, and was not awaited before
//	<~   the same by a part of it
//	eof  the client closes its end; all that comes has come after it
//	!~   a part that no line has had
//
// $META are the members that make a request modern, $HELLO is an initialize, $LONG a text over the limit, $DEEP a value that
// nests as deep as a message may; $ID is the id of the
// last request that came, $STATE the last request state.
func TestConversations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations", err)
	}
	g, sessions := newGateway(t)
	t.Run("all", func(t *testing.T) {
		for _, file := range files {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range archive.Files {
				t.Run(filepath.Base(file)+"/"+f.Name, func(t *testing.T) {
					t.Parallel()
					o := stdio.Options{Gateway: g, Sessions: sessions, MaxMessage: maxMessage}
					if name, ok := strings.CutPrefix(filepath.Base(file), "on-"); ok {
						o.Scope.Backend = strings.TrimSuffix(name, ".txtar")
					}
					converse(dial(t, o, mcptest.Excuse{At: "/id", Why: "a request is refused over its id, by which alone the client knows which"}), string(f.Data))
				})
			}
		}
	})
}

var (
	requestID    = regexp.MustCompile(`"id":(\d+),"method"`)
	requestState = regexp.MustCompile(`"requestState":"([^"]+)"`)
)

func converse(c *client, script string) {
	c.t.Helper()
	for text := range strings.Lines(script) {
		sign, rest, _ := strings.Cut(strings.TrimSuffix(text, "\n"), " ")
		rest = strings.NewReplacer("$META", labels, "$HELLO", hello, "$LONG", strings.Repeat("x", maxMessage+1), "$DEEP", strings.Repeat("[", mcp.MaxDepth)+strings.Repeat("]", mcp.MaxDepth),
			"$ID", c.seen["id"], "$STATE", c.seen["state"]).Replace(rest)
		switch sign {
		case "", "#":
		case ">":
			c.say(rest)
		case "<":
			c.await(rest, func(line string) bool { return line == rest })
		case "<~":
			c.note(c.hear(rest))
		case "eof":
			c.end()
		case "!~":
			if c.said(rest) {
				c.t.Fatalf("%s has come", rest)
			}
		default:
			c.t.Fatalf("unknown sign %s", sign)
		}
	}
}

func (c *client) note(line string) {
	if found := requestID.FindStringSubmatch(line); found != nil {
		c.seen["id"] = found[1]
	}
	if found := requestState.FindStringSubmatch(line); found != nil {
		c.seen["state"] = found[1]
	}
}

// gone waits for the front's end.
func (c *client) gone() bool {
	select {
	case <-c.stopped:
		return true
	case <-time.After(patience):
		return false
	}
}

// TestCallsInFlightMayEndAfterTheLastLine: a program that writes its requests and closes gets its answers.
func TestCallsInFlightMayEndAfterTheLastLine(t *testing.T) {
	t.Parallel()
	p := &provoker{begun: make(chan struct{}, 1), goOn: make(chan struct{})}
	c := dial(t, stdio.Options{Gateway: p, Sessions: session.NewTable(session.Limits{})})
	c.say(`{"jsonrpc":"2.0","id":1,"method":"x","params":{` + labels + `}}`)
	<-p.begun
	_ = c.to.Close()
	close(p.goOn)
	c.hear(`"id":1,"result"`)
	if !c.gone() {
		t.Fatal("the front does not end")
	}
}

// TestASignalAfterTheEndOfInputEndsCalls: who has closed its end and then asks to stop does not wait for a call that hangs.
func TestASignalAfterTheEndOfInputEndsCalls(t *testing.T) {
	t.Parallel()
	p := &provoker{begun: make(chan struct{}, 1)}
	c := dial(t, stdio.Options{Gateway: p, Sessions: session.NewTable(session.Limits{}), Drain: 10 * patience})
	c.say(`{"jsonrpc":"2.0","id":1,"method":"x","params":{` + labels + `}}`)
	<-p.begun
	_ = c.to.Close()
	c.stop()
	c.hear(`"id":1,"error"`)
	if !c.gone() {
		t.Fatal("the front does not end")
	}
}

// TestRequestsInFlightAreBounded: the one beyond the bound is refused at once, by its id.
func TestRequestsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	const bound = 256
	p := &provoker{begun: make(chan struct{}, bound)}
	c := dial(t, stdio.Options{Gateway: p, Sessions: session.NewTable(session.Limits{})})
	for i := range bound {
		c.say(`{"jsonrpc":"2.0","id":` + strconv.Itoa(i) + `,"method":"x","params":{` + labels + `}}`)
	}
	c.say(`{"jsonrpc":"2.0","id":"over","method":"x","params":{` + labels + `}}`)
	c.hear(`"id":"over","error":{"code":-32603,"message":"256 requests are in flight (wait for answers)"}`)
	c.stop()
	c.end()
}

// TestAPanicAnswersItsRequest and leaves the others alone.
func TestAPanicAnswersItsRequest(t *testing.T) {
	t.Parallel()
	p := &provoker{panics: true, begun: make(chan struct{}, 1)}
	c := dial(t, stdio.Options{Gateway: p, Sessions: session.NewTable(session.Limits{})})
	c.say(`{"jsonrpc":"2.0","id":1,"method":"x","params":{` + labels + `}}`)
	c.hear(`"id":1,"error":{"code":-32603,"message":"internal error"}`)
	c.say(`{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	c.hear(`"id":2,"result"`)
	c.end()
}

// TestAClientThatDoesNotReadIsGivenUp: what waits for it is bounded.
func TestAClientThatDoesNotReadIsGivenUp(t *testing.T) {
	t.Parallel()
	p := &provoker{begun: make(chan struct{}, 1), floods: true}
	f := stdio.New(stdio.Options{Gateway: p, Sessions: session.NewTable(session.Limits{})})
	in, to := io.Pipe()
	from, out := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = f.Run(t.Context(), in, out)
	}()
	if _, err := io.WriteString(to, `{"jsonrpc":"2.0","id":1,"method":"x","params":{`+labels+"}}\n"); err != nil {
		t.Fatal(err)
	}
	<-ended
	_, _ = to.Close(), from.Close()
}

// provoker is a gateway whose calls do what no backend can be made to do at the right moment.
type provoker struct {
	stdio.Gateway
	begun  chan struct{}
	goOn   chan struct{} // nil: never
	panics bool
	floods bool // sends until it is cancelled
}

func (p *provoker) Serve(ctx context.Context, _ *gateway.Client, m *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
	p.begun <- struct{}{}
	if p.panics {
		panic("as asked")
	}
	note := mcp.AppendNotification(nil, mcp.NoteMessage, []byte(`{"level":"info","data":"`+strings.Repeat("x", 1<<20)+`"}`))
	for p.floods && ctx.Err() == nil {
		st.Send(note)
	}
	select {
	case <-p.goOn:
		return gateway.Answer{Body: mcp.AppendResult(nil, m.IDBytes(), []byte(`{"resultType":"complete"}`))}, nil
	case <-ctx.Done():
		return gateway.Answer{}, context.Cause(ctx)
	}
}

// TestEveryMessageIsHeldAgainstItsSchema shows whether the tests of this package do so.
func TestEveryMessageIsHeldAgainstItsSchema(t *testing.T) {
	t.Parallel()
	mcptest.Need(t)
}
