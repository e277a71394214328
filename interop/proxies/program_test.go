//go:build linux

package proxies_test

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onemcp/interop/harness"
)

// patience is when something counts as hung.
const patience = 30 * time.Second

// deployed reads a file of deploy/.
func deployed(t testing.TB, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(repository(), "deploy", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// repository is the root of the product's module.
func repository() string { return filepath.Dir(harness.Root()) }

// edit puts what a test needs in the place of what a deployed file says. The
// arguments are pairs of old and new; each old text must be there.
func edit(t testing.TB, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("there is no %q in the deployed file:\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// write makes a file in a directory of the test and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// reserve returns a loopback address that is the test's until its end. The
// port is bound but not listened on: the system gives it to nobody, and a
// program that asks for it by number, with SO_REUSEADDR, gets it.
func reserve(t testing.TB) string {
	t.Helper()
	port, err := bindFree(t)
	if err != nil {
		t.Fatalf("reserve a port: %v", err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func bindFree(t testing.TB) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	return bound.(*unix.SockaddrInet4).Port, nil
}

// launch starts a program that serves at addr, waits until it does, and at
// the test's end stops it with all its processes.
func launch(t testing.TB, addr string, spec harness.Spec) {
	t.Helper()
	child := harness.Start(t, spec)
	t.Cleanup(func() { _ = stop(t, child) }) // some end by the signal, not cleanly
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return
		}
		if !alive(child.Pid()) {
			t.Fatalf("%s ended before it served:\n%s", spec.Path, child.Output())
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%s does not serve %s", spec.Path, addr)
		}
	}
}

// stop ends a program and says how it ended. None of its processes may be left.
func stop(t testing.TB, child *harness.Child) error {
	workers := descendants(child.Pid())
	err := child.Stop()
	for _, pid := range workers {
		if alive(pid) {
			t.Errorf("process %d is left of %d", pid, child.Pid())
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	return err
}

// descendants are the processes that a process has started, and theirs.
func descendants(pid int) []int {
	lists, _ := fs.Glob(os.DirFS("/proc"), fmt.Sprintf("%d/task/*/children", pid)) // the pattern is well-formed
	var found []int
	for _, list := range lists {
		raw, _ := os.ReadFile(filepath.Join("/proc", list)) // it may have ended
		for _, field := range strings.Fields(string(raw)) {
			child, _ := strconv.Atoi(field)
			found = append(append(found, child), descendants(child)...)
		}
	}
	return found
}

// alive reports whether a process runs; one that ended but was not waited for
// does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}
