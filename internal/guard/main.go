package guard

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

const (
	termTime = 2 * time.Second // for groups to end after SIGTERM
	killTime = 5 * time.Second // for groups to be gone after SIGKILL
	lookTime = 10 * time.Millisecond
)

// Main is the guard's process: it follows what in says until it ends, then ends the groups that are left. The signals that end
// a gateway do not end it. It returns an error only if a group did not go.
func Main(in io.Reader) error {
	ignoreSignals()
	groups := follow(in)
	for pgid, started := range groups {
		if !ours(pgid, started) {
			delete(groups, pgid)
		}
	}
	signalAll(groups, terminate)
	awaitNone(groups, termTime)
	signalAll(groups, kill)
	awaitNone(groups, killTime)
	if len(groups) > 0 {
		return fmt.Errorf("guard: %d process groups could not be ended", len(groups))
	}
	return nil
}

// follow reads lines to their end and returns the groups that were added and not removed.
func follow(in io.Reader) map[int]uint64 {
	groups := make(map[int]uint64)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return groups // a last line without its end may be half a number
		}
		apply(groups, line)
	}
}

func added(pgid int, started uint64) string { return fmt.Sprintf("+%d %d\n", pgid, started) }

func removed(pgid int) string { return fmt.Sprintf("-%d\n", pgid) }

// apply takes in one line. One that is not understood, or names a group that can only be
// a mistake, is passed over.
func apply(groups map[int]uint64, line string) {
	line = strings.TrimSuffix(line, "\n")
	if id, ok := strings.CutPrefix(line, "-"); ok {
		if pgid, err := strconv.Atoi(id); err == nil {
			delete(groups, pgid)
		}
		return
	}
	id, since, _ := strings.Cut(strings.TrimPrefix(line, "+"), " ")
	pgid, err := strconv.ParseUint(id, 10, 31)
	started, errTime := strconv.ParseUint(since, 10, 64)
	if err != nil || errTime != nil || pgid <= 1 || line[0] != '+' {
		return
	}
	groups[int(pgid)] = started
}

// ours reports whether a group is still the one that was added. While it has members its number is not given to a
// new process; so if there is a process of that number which started at another time, the group is gone.
func ours(pgid int, started uint64) bool {
	now := startTime(pgid)
	return now == 0 || now == started
}

func signalAll(groups map[int]uint64, signal func(pgid int)) {
	for pgid := range groups {
		signal(pgid)
	}
}

// awaitNone drops the groups that are gone until none is left, for most at the longest.
func awaitNone(groups map[int]uint64, most time.Duration) {
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	look := time.NewTicker(lookTime)
	defer look.Stop()
	for {
		for pgid := range groups {
			if empty(pgid) {
				delete(groups, pgid)
			}
		}
		if len(groups) == 0 {
			return
		}
		select {
		case <-deadline.C:
			return
		case <-look.C:
		}
	}
}
