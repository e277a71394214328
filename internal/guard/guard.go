package guard

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"
)

const (
	tellTime    = time.Second // for the guard to take a line
	restartTime = time.Second // before another guard is started
)

// Options say how to start the guard's process.
type Options struct {
	Exe  string       // the program; empty: this one
	Args []string     // that make it call [Main]
	Env  []string     // its environment; none: an empty one
	Log  *slog.Logger // of guards that die; nil: nowhere
}

// Guard is the gateway's end. A nil Guard guards nothing.
type Guard struct {
	o Options

	mu     sync.Mutex
	groups map[int]uint64 // the start time of the first process of each
	cmd    *exec.Cmd
	pipe   *os.File
}

// Start starts the guard's process. It must be followed by [Guard.Run].
func Start(o Options) (*Guard, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Guard{o: o, groups: make(map[int]uint64)}
	if !supported {
		return g, nil
	}
	if g.o.Exe == "" {
		exe, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("guard: %w", err)
		}
		g.o.Exe = exe
	}
	return g, g.start()
}

// start starts a process and tells it the groups there are.
func (g *Guard) start() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	in, out, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	defer func() { _ = in.Close() }()
	cmd := &exec.Cmd{Path: g.o.Exe, Args: append([]string{g.o.Exe}, g.o.Args...), Env: append([]string{}, g.o.Env...), Dir: "/", Stdin: in}
	ownSession(cmd)
	if err := cmd.Start(); err != nil {
		_ = out.Close()
		return fmt.Errorf("guard: %w", err)
	}
	g.cmd, g.pipe = cmd, out
	for pgid, started := range g.groups {
		g.tell(added(pgid, started))
	}
	return nil
}

// Run keeps a guard alive until ctx ends. Groups that have not been removed by then are
// ended; Run returns when that is done.
func (g *Guard) Run(ctx context.Context) error {
	if g == nil || !supported {
		<-ctx.Done()
		return nil
	}
	for {
		exited := make(chan error, 1)
		go func() { exited <- g.cmd.Wait() }()
		select {
		case <-ctx.Done():
			_ = g.pipe.Close()
			<-exited
			return nil
		case err := <-exited:
			_ = g.pipe.Close()
			g.o.Log.Warn("the guard of process groups has ended and is started again", "error", err)
		}
		if !g.restart(ctx) {
			return nil
		}
	}
}

// restart starts a process again, for as long as it takes; false means that ctx has ended.
func (g *Guard) restart(ctx context.Context) bool {
	wait := time.NewTicker(restartTime)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-wait.C:
		}
		err := g.start()
		if err == nil {
			return true
		}
		g.o.Log.Error("the guard of process groups could not be started", "error", err)
	}
}

// Add puts a process group under guard. Call it right after the group's first process was started.
func (g *Guard) Add(pgid int) {
	if g == nil || !supported {
		return
	}
	started := startTime(pgid)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.groups[pgid] = started
	g.tell(added(pgid, started))
}

// Remove ends the guard over a group. Call it when the group is gone.
func (g *Guard) Remove(pgid int) {
	if g == nil || !supported {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.groups, pgid)
	g.tell(removed(pgid))
}

// tell sends a line. A guard that does not read is killed, and told everything when it is started again: to close its pipe
// would end all groups.
func (g *Guard) tell(line string) {
	_ = g.pipe.SetWriteDeadline(time.Now().Add(tellTime)) // a pipe that takes none cannot hang for long
	if _, err := io.WriteString(g.pipe, line); err != nil {
		_ = g.cmd.Process.Kill() // it may be dead already
	}
}
