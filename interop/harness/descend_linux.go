package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Process is a running process that was found by a mark.
type Process struct {
	Pid     int
	Command string // the arguments, separated by blanks
}

// Marked finds every process whose environment holds mark, a NAME=VALUE that
// nothing else has. Children inherit it, whatever becomes of their parent.
func Marked(mark string) []Process {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	var found []Process
	for _, dir := range dirs {
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !holds(env, mark) {
			continue // ended, or somebody else's
		}
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		pid, _ := strconv.Atoi(filepath.Base(dir))
		found = append(found, Process{pid, strings.TrimSpace(strings.ReplaceAll(string(args), "\x00", " "))})
	}
	return found
}

func holds(env []byte, mark string) bool {
	for kv := range bytes.SplitSeq(env, []byte{0}) {
		if string(kv) == mark {
			return true
		}
	}
	return false
}

// AwaitNone waits until no marked process is left. Its error names those that
// were when ctx ended.
func AwaitNone(ctx context.Context, mark string) error {
	for {
		left := Marked(mark)
		if len(left) == 0 {
			return nil
		}
		for _, p := range left {
			if err := awaitEnd(ctx, p.Pid); err != nil {
				return fmt.Errorf("%w; left are %v", err, Marked(mark))
			}
		}
	}
}

// awaitEnd waits for the end of a process that need not be our child.
func awaitEnd(ctx context.Context, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil // it ended already
	}
	defer unix.Close(fd)
	for ctx.Err() == nil {
		const slice = 100 // milliseconds between looks at ctx
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, slice)
		if n > 0 {
			return nil
		}
		if err != nil && err != unix.EINTR {
			return err
		}
	}
	return ctx.Err()
}
