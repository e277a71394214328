//go:build unix

package trace

import (
	"bufio"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestANamedPipeIsATraceWhileSomebodyReadsIt, and is not waited for.
func TestANamedPipeIsATraceWhileSomebodyReadsIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Path: path}); err == nil || err.Error() != "the trace file "+path+" is a pipe that nobody reads (start its reader first)" {
		t.Errorf("without a reader: %v", err)
	}
	r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	observed(f, func() { f.Observe(call("1")) })
	text, err := bufio.NewReader(r).ReadBytes('\n')
	if err != nil || parse(t, text)[0].Note != "started" {
		t.Errorf("got %q, %v", text, err)
	}
}
