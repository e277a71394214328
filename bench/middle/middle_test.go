package middle

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"onemcp/bench/backend"
)

var webBackend = Backend{URL: "http://127.0.0.1:9/both/10/0/mcp"}

var localBackend = Backend{Command: []string{"bench", "backend", "-stdio"}}

func TestPeersFitWhatTheirCommandsName(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, value string
		setup       Setup
		fits        bool
	}{
		{"a URL, HTTP", "x=http://127.0.0.1:8080/mcp", Setup{Backends: []Backend{webBackend}}, true},
		{"a command, HTTP", "x=gateway {port} {backend}", Setup{Backends: []Backend{webBackend}}, true},
		{"a command, stdio", "x=gateway {port} {stdio}", Setup{Backends: []Backend{localBackend}}, true},
		{"no place for stdio", "x=gateway {port} {backend}", Setup{Backends: []Backend{localBackend}}, false},
		{"no place for HTTP", "x=gateway {port} {stdio}", Setup{Backends: []Backend{webBackend}}, false},
		{"two backends", "x=gateway {port} {backend}", Setup{Backends: []Backend{webBackend, webBackend}}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			kind, err := Peer(test.value)
			if err != nil {
				t.Fatal(err)
			}
			if kind.Name != "x" || kind.Fits(test.setup) != test.fits {
				t.Errorf("%s fits: %v", kind.Name, !test.fits)
			}
		})
	}
}

func TestBackendsApartAreUnderTheirOwnPaths(t *testing.T) {
	t.Parallel()
	var backends []Backend
	for _, p := range backend.Profiles(2, backend.Profile{Era: backend.Both, Tools: 3}) {
		backends = append(backends, Backend{Profile: p})
	}
	r := &Running{URL: "http://x:1/both/3/0/mcp"}
	if got := r.Endpoints(); !slices.Equal(got, []string{r.URL}) {
		t.Errorf("one server: %q", got)
	}
	r.Apart = apart(r.URL, backends)
	if got := r.Endpoints(); !slices.Equal(got, []string{"http://x:1/both/3/0/mcp", "http://x:1/both/3/1/mcp"}) {
		t.Errorf("two apart: %q", got)
	}
}

func TestOurOwnProcessorTimeGrowsWithWork(t *testing.T) {
	t.Parallel()
	sum := 0
	for before := Own(); Own() == before; {
		for i := range 1000 {
			sum += i
		}
	}
	t.Log(sum)
}

func TestWrongPeersAreRefused(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "x", "x=", "=y", "x=command", "x=http://127.0.0.1:1/mcp,pid"} {
		if _, err := Peer(value); err == nil {
			t.Errorf("%q is accepted", value)
		}
	}
}

func TestPlacesInACommandAreFilled(t *testing.T) {
	t.Parallel()
	got := fill([]string{"g", "--port={port}", "--to", "{backend}"}, 8080, webBackend)
	if want := []string{"g", "--port=8080", "--to", webBackend.URL}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	got = fill([]string{"g", "--", "{stdio}", "--run={stdio}"}, 1, localBackend)
	if want := []string{"g", "--", "bench", "backend", "-stdio", "--run=bench backend -stdio"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestTheConfigurationNamesEveryBackend(t *testing.T) {
	t.Parallel()
	web, local := webBackend, localBackend
	web.Name, local.Name = "web", "local"
	text := string(configuration(Setup{Backends: []Backend{web, local}, OneMCP: `"sessionIdleTimeout": 5, `}))
	for _, part := range []string{`"web": {`, web.URL, `"command": "bench"`, `"-stdio"`, `"sessionIdleTimeout": 5, "port": 0`} {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in %s", part, text)
		}
	}
}

func TestTheListenerIsReadFromTheLog(t *testing.T) {
	t.Parallel()
	if got := logged(`{"level":"INFO","msg":"listening","url":"http://127.0.0.1:5/mcp"}`); got != "http://127.0.0.1:5/mcp" {
		t.Errorf("got %q", got)
	}
	for _, line := range []string{"", `{"msg":"other","what":"listening"}`, `"listening"`} {
		if got := logged(line); got != "" {
			t.Errorf("%q gives %q", line, got)
		}
	}
}

func TestUsageIsThatOfTheWholeFamilyWithoutBackends(t *testing.T) {
	t.Parallel()
	if !UsageOf(os.Getpid()).Known {
		t.Skip("this system has no /proc")
	}
	cmd := exec.Command("sh", "-c", `sh -c 'read x; exit 0' & echo; read y; wait`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 1)); err != nil { // the shell has started its child
		t.Fatal(err)
	}
	u := UsageOf(cmd.Process.Pid)
	if !u.Known || u.RSS <= 0 || u.Main <= 0 || u.RSS < u.Main || u.Processes < 1 {
		t.Errorf("%+v", u)
	}
}

func TestProcessorTimeGrowsWithWork(t *testing.T) {
	t.Parallel()
	before := UsageOf(os.Getpid())
	if !before.Known {
		t.Skip("this system has no /proc")
	}
	sum := 0
	for UsageOf(os.Getpid()).CPU == before.CPU {
		for i := range 1_000_000 {
			sum += i
		}
	}
	t.Log(sum)
}

func TestAProgramThatEndsIsTold(t *testing.T) {
	t.Parallel()
	kind := Program("x", func(Setup) bool { return true }, func(Setup) []string { return []string{"sh", "-c", "echo sorry; exit 3"} })
	_, err := kind.Start(Setup{Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "sorry") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
}

func TestStoppingEndsWhatTheProgramLeavesBehind(t *testing.T) {
	t.Parallel()
	p, err := start(t.TempDir(), "x", []string{"sh", "-c", "sleep 600 & echo child $!; echo listening http://x; exec sleep 600"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.running(p.awaitURL(announced))
	if err != nil {
		t.Fatal(err)
	}
	var child int
	if _, err := fmt.Sscanf(string(p.tail()), "child %d", &child); err != nil {
		t.Fatal(err)
	}
	if r.URL != "http://x" {
		t.Errorf("URL %q", r.URL)
	}
	r.Stop()
	for lives(child) {
		runtime.Gosched()
	}
}

// lives reports whether a process runs, and is not only waiting to be buried.
func lives(pid int) bool {
	fields, err := stat(pid)
	return err == nil && fields[0] != "Z"
}
