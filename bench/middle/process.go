package middle

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a program that runs, in a process group of its own.
type process struct {
	cmd   *exec.Cmd
	log   string // path of the file that it prints to
	ended chan struct{}
	err   error // valid once ended is closed
}

// start runs a program that prints into a file of a directory.
func start(dir, name string, argv, env []string) (*process, error) {
	file, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = file, file, dir
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, log: file.Name(), ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

const (
	stopLimit = 15 * time.Second
	startTime = 60 * time.Second
	pollEvery = time.Millisecond
)

// stop ends the program, kindly at first, and all of its group that it leaves behind.
func (p *process) stop() {
	group := -p.cmd.Process.Pid
	_ = syscall.Kill(p.cmd.Process.Pid, syscall.SIGTERM) // it may have ended already
	select {
	case <-p.ended:
	case <-time.After(stopLimit):
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
	<-p.ended
}

// await asks until found is true. It fails when the program ends or takes too long.
func (p *process) await(what string, found func() bool) error {
	for limit := time.Now().Add(startTime); !found(); {
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before %s: %w\n%s", p.cmd.Path, what, p.err, p.tail())
		case <-time.After(pollEvery):
		}
		if time.Now().After(limit) {
			return fmt.Errorf("%s: %s did not happen within %v\n%s", p.cmd.Path, what, startTime, p.tail())
		}
	}
	return nil
}

// tail is the end of what the program printed.
func (p *process) tail() []byte {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	return text[max(0, len(text)-2000):]
}
