package rows

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"onemcp/bench/backend"
	"onemcp/bench/load"
	"onemcp/bench/middle"
	"onemcp/bench/table"
)

// Lab is where rows are measured.
type Lab struct {
	Self     string        // the benchmark's own program
	OneMCP   string        // the gateway's
	Backends string        // URL of the process that is all HTTP backends, without a path
	Origins  []string      // more such URLs of it, or none when it is not ours
	Dir      string        // for files
	Peers    []middle.Kind // what a user put beside us
	Only     []string      // labels of the subjects to measure; nil: all
	Clients  []int         // numbers of clients at one time, in place of those of the row; nil: the row's
	Time     time.Duration // of one measurement
	Rounds   int           // measurements of each, of which the median counts
	Scale    int           // divides the large numbers of rows about growth and memory; 1 is as it should be
	Progress func(format string, args ...any)
}

// Row is one thing to measure.
type Row struct {
	Name    string
	Title   string
	Measure func(context.Context, *Lab) (*table.Table, error)
}

// All returns every row in the order of the table of goals.
func All() []Row {
	races := []race{
		callHTTP(), callEvents(), callStdio(), callHTTP20(), callStdio20(), erasHTTP(), erasStdio(),
		list(), sessions(), blob(), blobEvents(), sink(), growthBackends(), growthTools(), growthSessions(),
	}
	var out []Row
	for _, r := range races {
		out = append(out, r.row())
	}
	return append(out, memoryIdle(), memorySessions(), memoryStreams(), memoryAbandoned(), startListen(), startReady())
}

// leavesOut reports whether a subject was not asked for. A control is asked for by its name, whatever its size.
func (l *Lab) leavesOut(label string) bool {
	name, _, _ := strings.Cut(label, ",")
	return l.Only != nil && !slices.Contains(l.Only, name)
}

// large is a large number, made smaller where everything is only tried.
func (l *Lab) large(n int) int { return max(1, n/l.Scale) }

// http returns n backends of a profile behind HTTP.
func (l *Lab) http(n int, p backend.Profile) middle.Setup {
	var s middle.Setup
	for i, profile := range backend.Profiles(n, p) {
		s.Backends = append(s.Backends, middle.Backend{Name: fmt.Sprintf("b%d", i), Profile: profile, URL: l.Backends + profile.Path()})
	}
	return s
}

// Origins is how many more origins of the HTTP backends rows need.
const Origins = 200

// apart returns n HTTP backends with an origin each, of which there must be as many.
func (l *Lab) apart(n int, p backend.Profile) middle.Setup {
	s := l.http(n, p)
	for i := range s.Backends {
		s.Backends[i].URL = l.Origins[i] + s.Backends[i].Profile.Path()
	}
	return s
}

// stdio returns n backends of a profile that are child processes.
func (l *Lab) stdio(n int, p backend.Profile) middle.Setup {
	var s middle.Setup
	for i, profile := range backend.Profiles(n, p) {
		command := []string{l.Self, "backend", "-stdio", "-path", profile.Path()}
		s.Backends = append(s.Backends, middle.Backend{Name: fmt.Sprintf("b%d", i), Profile: profile, Command: command})
	}
	return s
}

// start starts a middle and waits until it shows the tools of all backends. It returns the names of those
// at one endpoint, which are all or the same at each.
func (l *Lab) start(ctx context.Context, kind middle.Kind, s middle.Setup, era backend.Era) (*middle.Running, []string, error) {
	dir, err := os.MkdirTemp(l.Dir, "middle-")
	if err != nil {
		return nil, nil, err
	}
	s.Dir = dir
	r, err := kind.Start(s)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", kind.Name, err)
	}
	var tools []string
	endpoints := r.Endpoints()
	for _, url := range endpoints {
		if tools, err = await(ctx, url, era, len(s.Backends)/len(endpoints)); err != nil {
			r.Stop()
			return nil, nil, fmt.Errorf("%s: %w", kind.Name, err)
		}
	}
	return r, tools, nil
}

const (
	readyLimit = 60 * time.Second
	askEvery   = 5 * time.Millisecond
)

// await asks until the echo tools of n backends are listed, and returns the names of all tools.
func await(ctx context.Context, url string, era backend.Era, n int) ([]string, error) {
	var last error
	for limit := time.Now().Add(readyLimit); time.Now().Before(limit) && ctx.Err() == nil; time.Sleep(askEvery) {
		names, err := tools(url, era)
		if found := len(load.Named(names, backend.Echo)); err == nil && found < n {
			err = fmt.Errorf("it shows the tools of %d backends, not of %d", found, n)
		}
		if last = err; err == nil {
			return names, nil
		}
	}
	return nil, fmt.Errorf("not ready: %w", last)
}

// tools lists the names of all tools at a URL.
func tools(url string, era backend.Era) ([]string, error) {
	crowd, err := load.Crowd(era, 1, url)
	if err != nil {
		return nil, err
	}
	defer load.Disperse(crowd)
	return crowd[0].Tools()
}
