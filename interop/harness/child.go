package harness

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Spec says what to run.
type Spec struct {
	Path string
	Args []string
	Env  []string // added to the environment of the tests
	Dir  string
}

// Command returns the spec as a command that is not started.
func (s Spec) Command() *exec.Cmd {
	cmd := exec.Command(s.Path, s.Args...)
	cmd.Env = append(os.Environ(), s.Env...)
	cmd.Dir = s.Dir
	return cmd
}

// Child is a running program.
type Child struct {
	t    testing.TB
	cmd  *exec.Cmd
	log  *lines
	done chan struct{} // closed at its end
	err  error         // valid once done is closed
}

// Start runs a program until its test ends. What it printed is shown if the
// test failed.
func Start(t testing.TB, s Spec) *Child {
	t.Helper()
	c := &Child{t: t, cmd: s.Command(), log: newLines(), done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	if err := c.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", s.Path, err)
	}
	go func() {
		c.err = c.cmd.Wait()
		c.log.end()
		close(c.done)
	}()
	t.Cleanup(func() {
		c.Kill()
		if t.Failed() {
			t.Logf("%s printed:\n%s", strings.Join(c.cmd.Args, " "), c.log.String())
		}
	})
	return c
}

// Pid is the process id.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Output is what the program printed so far, on both streams.
func (c *Child) Output() string { return c.log.String() }

// Await returns what match makes of the first line, of those printed so far
// and those to come, that it accepts. It fails the test if the program or the
// test ends before.
func (c *Child) Await(what string, match func(line string) (string, bool)) string {
	c.t.Helper()
	found, ok := c.find(match)
	if !ok {
		c.t.Fatalf("%s ended before it printed %s:\n%s", c.cmd.Path, what, c.log.String())
	}
	return found
}

// find is Await for a program that may end.
func (c *Child) find(match func(line string) (string, bool)) (string, bool) {
	for i := 0; ; i++ {
		line, ok := c.log.at(c.t.Context().Done(), i)
		if !ok {
			return "", false
		}
		if found, ok := match(line); ok {
			return found, true
		}
	}
}

// stopLimit is when a program that was asked to end counts as stuck.
const stopLimit = 30 * time.Second

// Stop asks the program to end, waits for it, and returns how it ended.
func (c *Child) Stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-c.done:
		return c.err
	case <-time.After(stopLimit):
		return fmt.Errorf("still running %v after it was asked to end", stopLimit)
	}
}

// Kill ends the program at once and waits for it.
func (c *Child) Kill() {
	_ = c.cmd.Process.Kill() // it may have ended already
	<-c.done
}

// lines is a growing list of lines that can be waited for.
type lines struct {
	mu    sync.Mutex
	all   []string
	part  []byte
	ended bool
	grown chan struct{} // closed and replaced when something changed
}

func newLines() *lines { return &lines{grown: make(chan struct{})} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, p...)
	for {
		line, rest, found := bytes.Cut(l.part, []byte("\n"))
		if !found {
			break
		}
		l.all = append(l.all, string(line))
		l.part = rest
	}
	l.wake()
	return len(p), nil
}

func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.wake()
}

func (l *lines) wake() {
	close(l.grown)
	l.grown = make(chan struct{})
}

// at returns line i once it is there, or false when it never will be.
func (l *lines) at(done <-chan struct{}, i int) (string, bool) {
	for {
		l.mu.Lock()
		grown, ended := l.grown, l.ended
		if i < len(l.all) {
			line := l.all[i]
			l.mu.Unlock()
			return line, true
		}
		l.mu.Unlock()
		if ended {
			return "", false
		}
		select {
		case <-grown:
		case <-done:
			return "", false
		}
	}
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n") + "\n" + string(l.part)
}
