package cli_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the commands of the real program as testdata says. Beside the standard
// commands of testscript there are
//
//	serve NAME [ARGS]    start 1mcp serve, wait until it listens, set $NAME_URL and $NAME_PORT
//	await NAME REGEXP    wait for a line of its stderr that was not awaited before
//	signal NAME SIGNAL   HUP, INT, TERM or KILL
//	ended NAME CODE      wait for its end and hold its exit code against CODE; its stderr is then in NAME.log
//	request NAME METHOD PARAMS   send a request of the modern era; the answer is in stdout
//	begin NAME METHOD PARAMS     the same, but wait for the head of the answer alone
//	get NAME PATH        fetch a page
//	deadsocket PATH      leave the file of a unix socket that nobody listens on
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                "testdata",
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_CONFIG_HOME", e.WorkDir+"/.config")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // under the race detector a process sleeps for a second at its end
			e.Values["programs"] = map[string]*program{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serve, "await": await, "signal": signal, "ended": ended,
			"request": request, "begin": begin, "get": get, "deadsocket": deadSocket,
		},
	})
}

// program is a 1mcp that runs.
type program struct {
	cmd *exec.Cmd
	url string

	mu      sync.Mutex
	lines   []string
	awaited map[int]bool  // by index
	more    chan struct{} // closed when there is another line, or no more
	eof     bool
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: serve NAME [ARGS]")
	}
	name := args[0]
	path := lookPath(ts)
	p := &program{cmd: exec.Command(path, append([]string{"serve"}, args[1:]...)...), awaited: map[int]bool{}, more: make(chan struct{})}
	p.cmd.Dir = ts.MkAbs(".")
	p.cmd.Env = []string{
		"HOME=" + ts.Getenv("HOME"), "XDG_CONFIG_HOME=" + ts.Getenv("XDG_CONFIG_HOME"), "PATH=" + ts.Getenv("PATH"),
		"ONE_MCP_PORT=" + ts.Getenv("ONE_MCP_PORT"), "TOKEN=" + ts.Getenv("TOKEN"),
		"GORACE=" + ts.Getenv("GORACE"),
	}
	stderr, err := p.cmd.StderrPipe()
	ts.Check(err)
	ts.Check(p.cmd.Start())
	ts.Defer(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	go p.read(stderr)
	programs(ts)[name] = p
	line := p.await(ts, regexp.MustCompile(`"msg":"listening"`))
	var listening struct{ URL string }
	ts.Check(json.Unmarshal([]byte(line), &listening))
	p.url = listening.URL
	ts.Setenv(name+"_URL", p.url)
	if _, port, err := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(p.url, "http://"), "/mcp")); err == nil {
		ts.Setenv(name+"_PORT", port)
	}
}

// lookPath finds the program on the script's PATH.
func lookPath(ts *testscript.TestScript) string {
	for dir := range strings.SplitSeq(ts.Getenv("PATH"), string(os.PathListSeparator)) {
		if path, err := exec.LookPath(dir + "/1mcp"); err == nil {
			return path
		}
	}
	ts.Fatalf("1mcp is not on the PATH")
	return ""
}

func programs(ts *testscript.TestScript) map[string]*program {
	return ts.Value("programs").(map[string]*program)
}

func named(ts *testscript.TestScript, neg bool, args []string, want int) *program {
	if neg || len(args) != want {
		ts.Fatalf("this command takes %d arguments and no !", want)
	}
	p := programs(ts)[args[0]]
	if p == nil {
		ts.Fatalf("no program is called %s", args[0])
	}
	return p
}

func (p *program) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.add(lines.Text(), false)
	}
	p.add("", true)
}

func (p *program) add(line string, eof bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.eof = eof
	if !eof {
		p.lines = append(p.lines, line)
	}
	close(p.more)
	p.more = make(chan struct{})
}

// patience bounds the wait for what never comes.
const patience = 30 * time.Second

// await returns the first line that matches and was not awaited before. That it never comes ends
// the script.
func (p *program) await(ts *testscript.TestScript, want *regexp.Regexp) string {
	late := time.After(patience)
	for {
		line, found, more := p.take(want)
		if found {
			return line
		}
		if more == nil {
			ts.Fatalf("the program has ended without a line like %s:\n%s", want, p.log())
		}
		select {
		case <-more:
		case <-late:
			ts.Fatalf("no line like %s in:\n%s", want, p.log())
		}
	}
}

// take returns a line that matches, or a channel that is closed when there is more to look at, which
// is nil at the end.
func (p *program) take(want *regexp.Regexp) (line string, found bool, more <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, line := range p.lines {
		if !p.awaited[i] && want.MatchString(line) {
			p.awaited[i] = true
			return line, true, nil
		}
	}
	if p.eof {
		return "", false, nil
	}
	return "", false, p.more
}

func (p *program) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n") + "\n"
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	p := named(ts, neg, args, 2)
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	p.await(ts, want)
}

func signal(ts *testscript.TestScript, neg bool, args []string) {
	p := named(ts, neg, args, 2)
	which, ok := map[string]syscall.Signal{
		"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL,
	}[args[1]]
	if !ok {
		ts.Fatalf("unknown signal %s", args[1])
	}
	ts.Check(p.cmd.Process.Signal(which))
}

// never matches no line.
var never = regexp.MustCompile(`a\A`)

func ended(ts *testscript.TestScript, neg bool, args []string) {
	p := named(ts, neg, args, 2)
	code, err := strconv.Atoi(args[1])
	ts.Check(err)
	late := time.After(patience)
	for _, _, more := p.take(never); more != nil; _, _, more = p.take(never) {
		select {
		case <-more:
		case <-late:
			ts.Fatalf("the program does not end:\n%s", p.log())
		}
	}
	log := p.log()
	_ = p.cmd.Wait() // its error says what the exit code says
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".log"), []byte(log), 0o600))
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		ts.Fatalf("exit code %d, want %d:\n%s", got, code, log)
	}
}

// client returns an HTTP client for the program, which may listen on a unix socket.
func (p *program) client(ts *testscript.TestScript) (c *http.Client, base string) {
	transport := &http.Transport{DisableKeepAlives: true}
	base = strings.TrimSuffix(p.url, "/mcp")
	if path, ok := strings.CutPrefix(p.url, "unix:"); ok {
		path = ts.MkAbs(path)
		base = "http://localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	return &http.Client{Transport: transport, Timeout: time.Minute}, base
}

const modernMeta = `{"progressToken":1,"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
	`"io.modelcontextprotocol/clientInfo":{"name":"script","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`

func request(ts *testscript.TestScript, neg bool, args []string) {
	p := named(ts, neg, args, 3)
	client, r := p.request(ts, args[1], args[2])
	show(ts, client, r)
}

func begin(ts *testscript.TestScript, neg bool, args []string) {
	p := named(ts, neg, args, 3)
	client, r := p.request(ts, args[1], args[2])
	answer, err := client.Do(r)
	ts.Check(err)
	ts.Defer(func() { _ = answer.Body.Close() })
}

// request returns a request of the modern era; its progress, if any, is wanted.
func (p *program) request(ts *testscript.TestScript, method, text string) (*http.Client, *http.Request) {
	params := map[string]json.RawMessage{}
	ts.Check(json.Unmarshal([]byte(text), &params))
	params["_meta"] = json.RawMessage(modernMeta)
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	ts.Check(err)
	client, base := p.client(ts)
	r, err := http.NewRequest(http.MethodPost, base+"/mcp", strings.NewReader(string(body)))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Mcp-Protocol-Version", "2026-07-28")
	r.Header.Set("Mcp-Method", method)
	var name string
	if json.Unmarshal(params["name"], &name) == nil {
		r.Header.Set("Mcp-Name", name)
	}
	return client, r
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	p := named(ts, neg, args, 2)
	client, base := p.client(ts)
	r, err := http.NewRequest(http.MethodGet, base+args[1], nil)
	ts.Check(err)
	show(ts, client, r)
}

func show(ts *testscript.TestScript, client *http.Client, r *http.Request) {
	answer, err := client.Do(r)
	ts.Check(err)
	defer func() { _ = answer.Body.Close() }()
	_, err = fmt.Fprintf(ts.Stdout(), "%s\n", answer.Status)
	ts.Check(err)
	_, err = io.Copy(ts.Stdout(), answer.Body)
	ts.Check(err)
}

func deadSocket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: deadsocket PATH")
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: ts.MkAbs(args[0]), Net: "unix"})
	ts.Check(err)
	l.SetUnlinkOnClose(false)
	ts.Check(l.Close())
}
