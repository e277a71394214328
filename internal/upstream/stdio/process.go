package stdio

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"onemcp/internal/fault"
)

// process is a running child with our ends of its pipes.
type process struct {
	cmd                   *exec.Cmd
	group                 group
	guard                 Guard
	stdin, stdout, stderr *os.File
	exited                chan struct{} // closed when the child has been reaped
	killed                bool          // the group has been
}

// start starts a process as o says, in a group of its own.
func start(o Options) (*process, error) {
	path, err := findCommand(o)
	if err != nil {
		return nil, err
	}
	p := &process{guard: o.Guard, exited: make(chan struct{})}
	p.cmd = &exec.Cmd{Path: path, Args: append([]string{o.Command}, o.Args...), Dir: o.Dir, Env: o.Env}
	if p.cmd.Env == nil {
		p.cmd.Env = []string{} // nil would mean our own
	}
	ownGroup(p.cmd)
	theirs, err := p.pipes()
	if err == nil {
		err = p.run()
	}
	for _, f := range theirs {
		_ = f.Close()
	}
	if err != nil {
		p.closePipes()
		return nil, startFault(o, err)
	}
	if p.guard != nil {
		p.guard.Add(p.cmd.Process.Pid)
	}
	return p, nil
}

// pipes connects the command to us and returns the ends that are the child's.
func (p *process) pipes() (theirs []*os.File, err error) {
	var in, out, errs *os.File
	if in, p.stdin, err = os.Pipe(); err != nil {
		return theirs, err
	}
	theirs = append(theirs, in)
	if p.stdout, out, err = os.Pipe(); err != nil {
		return theirs, err
	}
	theirs = append(theirs, out)
	if p.stderr, errs, err = os.Pipe(); err != nil {
		return theirs, err
	}
	theirs = append(theirs, errs)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, out, errs
	return theirs, nil
}

// run starts the child and leaves a goroutine that reaps it. The child is signalled when the thread
// that forked it ends, so that thread is kept until the child is gone: it
// would wait in the system for the child anyway.
func (p *process) run() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		if err == nil {
			p.group = group(p.cmd.Process.Pid)
		}
		started <- err
		if err != nil {
			return
		}
		_ = p.cmd.Wait() // the state says it all
		close(p.exited)
	}()
	return <-started
}

// closePipes closes our ends, which unblocks whoever reads or writes them.
func (p *process) closePipes() {
	for _, f := range []*os.File{p.stdin, p.stdout, p.stderr} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// end says with what exit code or signal a process has ended; empty if it has not.
func (p *process) end() string {
	if !closed(p.exited) {
		return ""
	}
	state := p.cmd.ProcessState
	if state.Exited() {
		return "ended with exit code " + state.String()[len("exit status "):]
	}
	return "ended with " + state.String()
}

// kill ends all that is left of the group at once.
func (p *process) kill() {
	p.group.kill()
	p.killed = true
}

// stop ends the group of a process whose stdin has been closed: it waits, sends SIGTERM to the group, waits, and kills what
// is left. It returns when the process has been reaped, and reports whether that took no signal.
func (p *process) stop(grace Grace) (alone bool) {
	await(p.exited, grace.Close)
	alone = closed(p.exited)
	if !p.killed && !(alone && p.group.empty()) {
		p.group.terminate()
		p.awaitGroup(grace.Term)
		p.kill()
		<-p.exited
		p.group.empty() // reaps those that fell to us
	}
	if p.guard != nil {
		p.guard.Remove(int(p.group))
	}
	return alone
}

// awaitGroup waits until the process and all others of its group are gone, for most at the longest. Nobody tells
// when a process ends that is not our child, so it looks.
func (p *process) awaitGroup(most time.Duration) {
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !closed(p.exited) || !p.group.empty() {
		select {
		case <-deadline.C:
			return
		case <-look.C:
		}
	}
}

// startFault says why a process could not be started.
func startFault(o Options, err error) error {
	f := fault.New(fault.Unavailable, "backend %q: %q could not be started", o.Name, o.Command).WithCause(err)
	switch {
	case errors.Is(err, fs.ErrNotExist) && misread(o.Command) != "":
		return f.WithHint("%s", misread(o.Command))
	case errors.Is(err, fs.ErrPermission) && isDir(o):
		return f.WithHint("it is a directory: name the program in it")
	case errors.Is(err, fs.ErrPermission):
		return f.WithHint("the file is not executable for this user")
	case errors.Is(err, fs.ErrNotExist):
		return f.WithHint("the file, or the interpreter its first line names, does not exist")
	}
	return f.WithHint("%s", plain(err))
}

// misread says what somebody took a command for that is not there, "" if nothing tells.
func misread(command string) string {
	switch {
	case strings.HasPrefix(command, "~"):
		return "~ stands for nothing here: write ${HOME}"
	case strings.ContainsAny(command, " \t"):
		return `"command" is the program alone: what follows it stands in "args"`
	}
	return ""
}

func isDir(o Options) bool {
	path := o.Command
	if !filepath.IsAbs(path) {
		path = filepath.Join(o.Dir, path)
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// plain returns the innermost error, which names no paths or arguments.
func plain(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
