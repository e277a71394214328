//go:build linux

package guard_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"onemcp/internal/guard"
)

const roleVariable = "GUARD_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "guard":
		if err := guard.Main(os.Stdin); err != nil {
			os.Exit(1)
		}
	case "gateway":
		gateway(os.Args[1], os.Args[2])
	default:
		goleak.VerifyTestMain(m)
	}
}

// gateway starts a guard and a group, says so, and waits to be killed.
func gateway(marker, script string) {
	g := must(guard.Start(guard.Options{Env: []string{roleVariable + "=guard", marker}}))
	go func() { _ = g.Run(context.Background()) }()
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = append(os.Environ(), marker)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := must(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	g.Add(cmd.Process.Pid)
	fmt.Print(must(bufio.NewReader(out).ReadString('\n')))
	select {}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// marked returns the processes that have the marker in their environment.
func marked(t *testing.T, marker string) (pids []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		env, err := os.ReadFile(path)
		if err == nil && bytes.Contains(env, []byte(marker)) {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

func await(t *testing.T, what string, fact func() bool) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	late := time.After(time.Minute)
	for !fact() {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestKilledGatewayLeavesNoProcess(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"shell with a process beside the server": `sleep 1000 & echo up; exec sleep 1000`,
		"wrapper that waits for the server":      `sh -c 'sleep 1000 & echo up; sleep 1000'; true`,
		"server that outlives its wrapper":       `(echo up; exec sleep 1000) & exit 0`,
		"server that ignores SIGTERM":            `trap '' TERM; sleep 1000 & echo up; sleep 1000; sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			marker := "GUARD_TEST_MARKER=" + strings.ReplaceAll(t.Name(), "/", "-") + fmt.Sprint(os.Getpid())
			cmd := exec.Command(must(os.Executable()), marker, script)
			cmd.Env = append(os.Environ(), roleVariable+"=gateway")
			out := must(cmd.StdoutPipe())
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "up\n" {
				t.Fatalf("gateway said %q, %v", line, err)
			}
			if len(marked(t, marker)) < 2 { // the guard and a member of the group
				t.Fatal("the processes are not there to begin with")
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			await(t, "no process is left", func() bool { return len(marked(t, marker)) == 0 })
		})
	}
}

// group starts a sleeping process group, which the test ends.
func group(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func TestMainSparesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string]string{
		"a number given to another process": "+%[1]d 1\n",
		"a group that was removed":          "+%[1]d %[2]d\n-%[1]d\n",
		"half a line":                       "+%[1]d %[2]d",
		"nonsense":                          "\n \n+\n+0 0\n+1 1\n+-1 0\n%[1]d %[2]d\n- \n*%[1]d %[2]d\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := group(t)
			in := fmt.Sprintf(lines+"%[3]s", cmd.Process.Pid, guard.StartTime(cmd.Process.Pid), "")
			main := exec.Command(must(os.Executable())) // a process of its own, since it ignores signals
			main.Env = append(os.Environ(), roleVariable+"=guard")
			main.Stdin = strings.NewReader(in)
			if err := main.Run(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
				t.Fatalf("the process is gone: %v", err)
			}
		})
	}
}

func TestRunEndsWhatIsLeftAndReturns(t *testing.T) {
	t.Parallel()
	left, removed := group(t), group(t)
	g := must(guard.Start(guard.Options{Env: []string{roleVariable + "=guard"}}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- g.Run(ctx) }()
	g.Add(left.Process.Pid)
	g.Add(removed.Process.Pid)
	g.Remove(removed.Process.Pid)
	reaped := make(chan error)
	go func() { reaped <- left.Wait() }()
	cancel()
	if err := <-reaped; err == nil || err.Error() != "signal: terminated" {
		t.Errorf("the group that was left ended with %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := removed.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the removed group is gone: %v", err)
	}
}

func TestDeadGuardIsReplacedAndToldAll(t *testing.T) {
	t.Parallel()
	cmd := group(t)
	g := must(guard.Start(guard.Options{Env: []string{roleVariable + "=guard"}}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- g.Run(ctx) }()
	g.Add(cmd.Process.Pid)
	first := g.Pid()
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "there is another guard", func() bool { return g.Pid() != first })
	reaped := make(chan error)
	go func() { reaped <- cmd.Wait() }()
	cancel()
	<-reaped
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestGuardOutlivesTheGatewaysSignals(t *testing.T) {
	t.Parallel()
	cmd := group(t)
	g := must(guard.Start(guard.Options{Env: []string{roleVariable + "=guard"}}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- g.Run(ctx) }()
	g.Add(cmd.Process.Pid)
	pid := g.Pid()
	await(t, "the guard ignores signals", func() bool { return ignores(pid, syscall.SIGTERM) })
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		if err := syscall.Kill(pid, s); err != nil {
			t.Fatal(err)
		}
	}
	reaped := make(chan error)
	go func() { reaped <- cmd.Wait() }()
	cancel()
	<-reaped
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if g.Pid() != pid {
		t.Error("the guard had to be replaced")
	}
}

// ignores reads the ignored signals of a process.
func ignores(pid int, s syscall.Signal) bool {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := bytes.Cut(status, []byte("SigIgn:\t"))
	var mask uint64
	_, _ = fmt.Sscanf(string(after), "%x", &mask)
	return mask&(1<<(s-1)) != 0
}
