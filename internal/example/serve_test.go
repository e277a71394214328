package example_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/rogpeppe/go-internal/txtar"

	"onemcp/internal/example"
)

const (
	open = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"t","version":"1"}}}`
	meta = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{}}}`
	info = `"io.modelcontextprotocol/serverInfo":{"name":"1mcp-example","title":"1mcp example server","version":"1.0.0"}`
)

// client is the other end of one conversation.
type client struct {
	t      *testing.T
	in     *io.PipeWriter
	out    *bufio.Reader
	served chan error
}

func start(ctx context.Context, t *testing.T) *client {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	c := &client{t: t, in: inW, out: bufio.NewReader(outR), served: make(chan error, 1)}
	go func() {
		err := example.Serve(ctx, inR, outW)
		outW.Close()
		c.served <- err
	}()
	return c
}

func (c *client) send(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		c.t.Fatalf("send %s: %v", line, err)
	}
}

func (c *client) receive() string {
	c.t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// end closes the input and returns what came after it.
func (c *client) end() string {
	c.t.Helper()
	c.in.Close()
	rest, err := io.ReadAll(c.out)
	if err := errors.Join(err, <-c.served); err != nil {
		c.t.Fatal(err)
	}
	return string(rest)
}

func TestConversations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			t.Run(filepath.Base(file)+"/"+f.Name, func(t *testing.T) {
				t.Parallel()
				converse(t, string(f.Data))
			})
		}
	}
}

func converse(t *testing.T, script string) {
	c := start(t.Context(), t)
	script = strings.NewReplacer("$OPEN", open, "$META", meta, "$INFO", info).Replace(script)
	for line := range strings.Lines(script) {
		sign, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch sign {
		case ">":
			c.send(text)
		case "<":
			if got := c.receive(); got != text {
				t.Fatalf("got  %s\nwant %s", got, text)
			}
		case "<^":
			if got := c.receive(); !strings.HasPrefix(got, text) {
				t.Fatalf("got  %s\nwant %s…", got, text)
			}
		default:
			t.Fatalf("a line of the script begins with %q", sign)
		}
	}
	if rest := c.end(); rest != "" {
		t.Errorf("came unasked: %s", rest)
	}
}

func TestCountWaitsBeforeEachStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t.Context(), t)
		began := time.Now()
		c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{` + meta + `},"name":"count","arguments":{"steps":4,"delay":500}}}`)
		c.receive()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("four steps of 500 ms took %v", took)
		}
		c.end()
	})
}

func TestCancelledCountIsNotAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t.Context(), t)
		c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{` + meta + `},"name":"count","arguments":{"steps":100,"delay":600000}}}`)
		synctest.Wait()
		c.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
		synctest.Wait()
		if rest := c.end(); rest != "" {
			t.Errorf("a cancelled call was answered: %s", rest)
		}
	})
}

func TestEndOfInputHurriesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		for call, want := range map[string]string{
			`"tools/call","params":{"name":"count","arguments":{"steps":2,"delay":600000}}`: `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Counted to 2."}]}}`,
			`"tools/call","params":{"name":"ask"}`:                                          `{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"the example server failed: the input ended before the answer came"}}`,
			`"subscriptions/listen","params":{"_meta":{` + meta + `},"notifications":{}}`:   `{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","_meta":{` + info + `,"io.modelcontextprotocol/subscriptionId":1}}}`,
		} {
			c := start(t.Context(), t)
			c.send(open)
			c.receive()
			c.send(`{"jsonrpc":"2.0","id":1,"method":` + call + `}`)
			synctest.Wait()
			if rest := c.end(); !strings.HasSuffix(rest, want+"\n") {
				t.Errorf("%s\ngot  %s\nwant %s", call, rest, want)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("waited %v after the end of the input", took)
		}
	})
}

func TestConcurrentCallsAreAnsweredUnderTheirIDs(t *testing.T) {
	t.Parallel()
	const calls = 200
	c := start(t.Context(), t)
	go func() {
		for i := range calls {
			fmt.Fprintf(c.in, `{"jsonrpc":"2.0","id":"c%d","method":"tools/call","params":{"_meta":{%s},"name":"echo","arguments":{"text":"t%d"}}}`+"\n", i, meta, i)
		}
	}()
	left := map[string]bool{}
	for i := range calls {
		left[fmt.Sprintf(`{"jsonrpc":"2.0","id":"c%d","result":{"resultType":"complete","_meta":{%s},"content":[{"type":"text","text":"t%d"}]}}`, i, info, i)] = true
	}
	for range calls {
		got := c.receive()
		if !left[got] {
			t.Fatalf("unexpected or twice: %s", got)
		}
		delete(left, got)
	}
	c.end()
}

func TestContextEndsServe(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	c := start(ctx, t)
	defer c.in.Close()
	c.send(open)
	c.receive()
	c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"count","arguments":{"delay":600000}}}`)
	stop := errors.New("stop")
	cancel(stop)
	if err := <-c.served; !errors.Is(err, stop) {
		t.Errorf("Serve returned %v", err)
	}
}

func TestBrokenOutputEndsServe(t *testing.T) {
	t.Parallel()
	in, feed := io.Pipe()
	defer feed.Close()
	out, broken := io.Pipe()
	out.CloseWithError(io.ErrClosedPipe)
	served := make(chan error, 1)
	go func() { served <- example.Serve(t.Context(), in, broken) }()
	fmt.Fprintln(feed, open)
	if err := <-served; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Serve returned %v", err)
	}
}

func FuzzServe(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range archive.Files {
			for line := range bytes.Lines(c.Data) {
				if text, ok := bytes.CutPrefix(line, []byte("> ")); ok {
					f.Add(strings.NewReplacer("$OPEN", open, "$META", meta).Replace(string(text)))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, input string) {
		var out bytes.Buffer
		if err := example.Serve(t.Context(), strings.NewReader(open+"\n"+input), &out); err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(out.Bytes()) {
			if !jsontext.Value(line).IsValid() {
				t.Errorf("%q was answered with %q", input, line)
			}
		}
	})
}
