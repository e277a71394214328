//go:build linux

package interop_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

var troubleTime = flag.Duration("trouble", 5*time.Second, "how long TestTrouble makes trouble")

// TestTrouble: clients of both eras come, call, cancel, and go or vanish, while local servers are killed and the configuration is
// changed again and again. No answer is wrong, every error names its cause, and when all is over nothing is left of it.
func TestTrouble(t *testing.T) {
	t.Parallel()
	config := harness.Config{Metrics: true, Servers: []harness.Server{
		{Name: "one", Command: bin.OneMCP, Args: []string{"example-server"}},
		{Name: "two", Command: bin.OneMCP, Args: []string{"example-server"}},
		{Name: "own", Command: bin.OneMCP, Args: []string{"example-server"}, Isolation: "session"},
		{Name: "web", URL: harness.StartGoEverything(t, bin.GoEverything, false)},
		{Name: "stateless", URL: harness.StartGoEverything(t, bin.GoEverything, true)},
	}}
	g := harness.StartGateway(t, bin.OneMCP, config)
	x := &trouble{t: t, gateway: g, config: config}
	t.Run("before", x.allAreThere)
	calm := x.state()
	x.make()
	g.Configure(t, config)
	t.Run("after", x.allAreThere)
	x.awaitCalm(calm)
	t.Logf("%d answers, %d errors that name their cause, %d calls cancelled", x.answers.Load(), x.errors.Load(), x.cancelled.Load())
	if x.answers.Load() == 0 {
		t.Error("nothing was answered")
	}
}

type trouble struct {
	t       *testing.T
	gateway *harness.Gateway
	config  harness.Config
	until   time.Time
	rough   bool // some calls are cancelled

	answers, errors, cancelled atomic.Int64
}

// allAreThere waits until every server is, and has one client of each era call all tools: some servers have a connection
// for each era from then on.
func (x *trouble) allAreThere(t *testing.T) {
	awaitTools(t, clients.Target{URL: x.gateway.URL}, "one_", "two_", "own_", "web_", "stateless_")
	for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
		x.visit(era, func(all []*mcp.Tool) []*mcp.Tool { return all })
	}
}

// some picks a few of the tools.
func some(all []*mcp.Tool) (few []*mcp.Tool) {
	for range 30 {
		few = append(few, all[rand.IntN(len(all))])
	}
	return few
}

// make makes trouble until the time is over.
func (x *trouble) make() {
	x.until, x.rough = time.Now().Add(*troubleTime), true
	defer func() { x.rough = false }()
	var all sync.WaitGroup
	defer all.Wait()
	for i := range 8 {
		all.Go(func() {
			for time.Now().Before(x.until) && !x.t.Failed() {
				x.visit([]clients.Era{clients.Legacy, clients.Modern}[i%2], some)
			}
		})
	}
	all.Go(func() {
		ctx, cancel := context.WithDeadline(x.t.Context(), x.until)
		defer cancel()
		often := time.NewTicker(200 * time.Millisecond)
		defer often.Stop()
		for {
			select {
			case <-often.C:
				x.disturb()
			case <-ctx.Done():
				return
			}
		}
	})
}

// disturb kills a local server, takes servers away, or has some start anew.
func (x *trouble) disturb() {
	config := x.config
	config.Servers = slices.Clone(config.Servers)
	switch rand.IntN(3) {
	case 0:
		if all := x.servers(); len(all) > 0 {
			_ = syscall.Kill(all[rand.IntN(len(all))], syscall.SIGKILL) // it may have ended already
		}
		return
	case 1:
		config.Servers = slices.DeleteFunc(config.Servers, func(harness.Server) bool { return rand.IntN(4) == 0 })
	default:
		for i := range config.Servers {
			if s := &config.Servers[i]; s.Command != "" && rand.IntN(3) == 0 {
				s.Env = map[string]string{"TROUBLE": strconv.Itoa(rand.IntN(100))}
			}
		}
	}
	x.gateway.Configure(x.t, config)
}

// servers are the processes of the local servers.
func (x *trouble) servers() (pids []int) {
	for _, file := range glob(fmt.Sprintf("/proc/%d/task/*/children", x.gateway.Pid())) {
		children, _ := os.ReadFile(file)
		for _, child := range strings.Fields(string(children)) {
			argv, _ := os.ReadFile("/proc/" + child + "/cmdline")
			if pid, err := strconv.Atoi(child); err == nil && strings.Contains(string(argv), "example-server") {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// glob is for patterns that are right.
func glob(pattern string) []string {
	all, _ := filepath.Glob(pattern)
	return all
}

// visit is one client from its coming to its going, who calls the tools that pick returns.
func (x *trouble) visit(era clients.Era, pick func([]*mcp.Tool) []*mcp.Tool) {
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	o := &mcp.ClientSessionOptions{}
	if era == clients.Legacy {
		o.ProtocolVersion = "2025-11-25"
	}
	wire := &http.Transport{}
	defer wire.CloseIdleConnections()
	s, err := mcp.NewClient(&mcp.Implementation{Name: "trouble", Version: "1"}, nil).
		Connect(ctx, &mcp.StreamableClientTransport{Endpoint: x.gateway.URL, HTTPClient: &http.Client{Transport: wire}}, o)
	if err != nil {
		x.t.Errorf("%s: connect: %v", era, err)
		return
	}
	defer s.Close()
	tools, err := s.ListTools(ctx, nil)
	if err != nil {
		x.t.Errorf("%s: list: %v", era, err)
		return
	}
	for _, tool := range pick(tools.Tools) {
		x.call(ctx, s, tool.Name)
	}
}

// call calls a tool if it is one whose answer is known.
func (x *trouble) call(ctx context.Context, s *mcp.ClientSession, name string) {
	text := fmt.Sprintf("text %d", rand.Uint64())
	known := map[string]call{
		"echo":             {args: map[string]any{"text": text}, text: text},
		"count":            {args: map[string]any{"steps": 3, "delay": 5}, text: "Counted to 3."},
		"test_simple_text": {args: map[string]any{}, text: "This is a simple text response for testing."},
	}
	_, tool, _ := strings.Cut(name, separator)
	want, ok := known[tool]
	if !ok {
		return
	}
	if x.rough && rand.IntN(20) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(3000))*time.Microsecond)
		defer cancel()
	}
	res, err := s.CallTool(ctx, &mcp.CallToolParams{Name: name, Arguments: want.args})
	switch {
	case err == nil && len(res.Content) == 1 && res.Content[0].(*mcp.TextContent).Text == want.text:
		x.answers.Add(1)
	case err == nil:
		x.t.Errorf("%s: the answer is %+v, not %q", name, res, want.text)
	case ctx.Err() != nil:
		x.cancelled.Add(1)
	case strings.Contains(err.Error(), "Unknown tool: "+name), strings.Contains(err.Error(), "backend "):
		x.errors.Add(1)
	default:
		x.t.Errorf("%s: %v", name, err)
	}
}

// state is what the gateway has in use, by kind.
func (x *trouble) state() map[string]int {
	state := map[string]int{"servers": len(x.servers())}
	for _, file := range glob(fmt.Sprintf("/proc/%d/fd/*", x.gateway.Pid())) {
		if to, _ := os.Readlink(file); strings.HasPrefix(to, "pipe:") {
			state["pipes"]++
		}
	}
	for _, name := range []string{"mcp_sessions", "go_goroutines"} {
		state[name] = x.metric(name)
	}
	return state
}

func (x *trouble) metric(name string) int {
	res, err := http.Get(x.gateway.Endpoint("/metrics"))
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), " "); key == name {
			n, _ := strconv.ParseFloat(value, 64)
			return int(n)
		}
	}
	x.t.Fatalf("there is no metric %s", name)
	return 0
}

// awaitCalm waits until no more is in use than before. Goroutines that have served a call across eras stay for the next one.
func (x *trouble) awaitCalm(calm map[string]int) {
	const stay = 16
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	for {
		now := x.state()
		left := now["servers"] > calm["servers"] || now["pipes"] > calm["pipes"] || now["mcp_sessions"] > calm["mcp_sessions"]
		if !left && now["go_goroutines"] <= calm["go_goroutines"]+stay {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			x.t.Fatalf("before the trouble: %v; after it: %v", calm, now)
		}
	}
}
