package middle

import (
	"fmt"
	"net"
	"os"
	"strings"

	"onemcp/bench/backend"
)

// Backend is a server that the middle shall reach, by URL or as a child process.
type Backend struct {
	Name    string
	Profile backend.Profile
	URL     string
	Command []string
}

// Setup is what a middle is started with.
type Setup struct {
	Dir       string // for its files
	Backends  []Backend
	OneMCP    string // members for the object "server" of 1mcp's file, with a comma at the end, or empty
	Isolation string // of every backend in 1mcp's file; empty: what it does by itself
	List      string // file with the list that the bare handler has; empty: the list of its profile
}

// stdio reports whether the backends are child processes.
func (s Setup) stdio() bool { return s.Backends[0].Command != nil }

// Kind is something that can stand in the middle.
type Kind struct {
	Name  string
	Fits  func(Setup) bool // whether it can serve such backends; the rows leave it out otherwise
	Start func(Setup) (*Running, error)
}

// Running is a middle that runs.
type Running struct {
	URL     string
	Apart   []string // URL of each backend, when it does not make one server of all
	process *process // nil when it is not ours
	pid     int      // 0 when it is not known
}

// Endpoints are where a client asks: at one, or at all of those apart.
func (r *Running) Endpoints() []string {
	if r.Apart != nil {
		return r.Apart
	}
	return []string{r.URL}
}

// Usage is what the middle has used so far.
func (r *Running) Usage() Usage {
	if r.pid == 0 {
		return Usage{}
	}
	return UsageOf(r.pid)
}

// Forget makes the peak of memory begin anew.
func (r *Running) Forget() {
	if r.pid != 0 {
		forgetPeak(r.pid)
	}
}

// Stop ends the middle.
func (r *Running) Stop() {
	if r.process != nil {
		r.process.stop()
	}
}

// Direct is nothing in the middle.
func Direct() Kind {
	return Kind{
		Name: "direct",
		Fits: oneHTTP,
		Start: func(s Setup) (*Running, error) {
			return &Running{URL: s.Backends[0].URL}, nil
		},
	}
}

func oneHTTP(s Setup) bool { return len(s.Backends) == 1 && !s.stdio() }

// Program is a program of the benchmark itself, named by the arguments that argv makes of a setup.
// It prints the word listening and its URL as its first line.
func Program(name string, fits func(Setup) bool, argv func(Setup) []string) Kind {
	return Kind{Name: name, Fits: fits, Start: func(s Setup) (*Running, error) {
		p, err := start(s.Dir, name, argv(s), nil)
		if err != nil {
			return nil, err
		}
		url, err := p.awaitURL(announced)
		return p.running(url, err)
	}}
}

// ReverseProxy is httputil.ReverseProxy, which shows each backend under a path of its own.
func ReverseProxy(self string) Kind {
	fits := func(s Setup) bool { return !s.stdio() }
	kind := Program("ReverseProxy", fits, func(s Setup) []string {
		argv := []string{self, "reverse-proxy"}
		for _, b := range s.Backends {
			argv = append(argv, "-to", b.URL)
		}
		return argv
	})
	start := kind.Start
	kind.Start = func(s Setup) (*Running, error) {
		r, err := start(s)
		if err == nil {
			r.Apart = apart(r.URL, s.Backends)
		}
		return r, err
	}
	return kind
}

// apart returns where backends are, each under its own path, when the first of them is at first.
func apart(first string, backends []Backend) (urls []string) {
	base := strings.TrimSuffix(first, backends[0].Profile.Path())
	for _, b := range backends {
		urls = append(urls, base+b.Profile.Path())
	}
	return urls
}

// Bare is a net/http handler with prepared answers, whatever the backend.
func Bare(self string) Kind {
	any := func(Setup) bool { return true }
	return Program("bare handler", any, func(s Setup) []string {
		return []string{self, "bare", "-path", s.Backends[0].Profile.Path(), "-list", s.List}
	})
}

// running makes a process a middle, or ends it when it did not come up.
func (p *process) running(url string, err error) (*Running, error) {
	if err != nil {
		p.stop()
		return nil, err
	}
	return &Running{URL: url, process: p, pid: p.cmd.Process.Pid}, nil
}

// awaitURL waits until match finds the URL in a line that the program printed.
func (p *process) awaitURL(match func(line string) string) (url string, err error) {
	err = p.await("it said where it listens", func() bool {
		text, err := os.ReadFile(p.log)
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(text)) {
			if url = match(line); url != "" && strings.HasSuffix(line, "\n") {
				return true
			}
		}
		return false
	})
	return url, err
}

func announced(line string) string {
	url, is := strings.CutPrefix(line, "listening ")
	if !is {
		return ""
	}
	return strings.TrimSpace(url)
}

// freePort is a port that was free a moment ago, for programs that must be told one.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// awaitPort waits until something accepts connections.
func (p *process) awaitPort(port int) error {
	return p.await(fmt.Sprintf("it listened on port %d", port), func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}
