package middle

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Usage is what processes have used. Where the system has no /proc, Known is false.
type Usage struct {
	Known     bool
	CPU       time.Duration // user and system, since they began
	RSS       int64         // bytes, now
	Main      int64         // the part of RSS that is the process's own
	Shared    int64         // bytes, now, with what n processes share counted as an nth in each (PSS)
	Peak      int64         // the sum of the largest of each, bytes
	Processes int
}

// tick is the unit of times in /proc on every architecture that Go runs on.
const tick = 10 * time.Millisecond

// UsageOf sums up a process and its descendants, without the backends.
func UsageOf(pid int) Usage {
	var sum Usage
	for _, p := range family(pid) {
		cpu, err := cpuTime(p)
		if err != nil {
			continue // it has ended in between
		}
		rss, peak := memory(p)
		sum.Known = true
		sum.CPU += cpu
		sum.RSS += rss
		if p == pid {
			sum.Main = rss
		}
		sum.Peak += peak
		sum.Shared += proportional(p)
		sum.Processes++
	}
	return sum
}

// forgetPeak makes Peak begin anew, where the system lets us.
func forgetPeak(pid int) {
	for _, p := range family(pid) {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p), []byte("5"), 0) // the peak is then of its whole life
	}
}

// family returns a process and its descendants, except backends.
func family(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if parent, err := parentOf(child); err == nil {
			children[parent] = append(children[parent], child)
		}
	}
	out := []int{pid}
	for i := 0; i < len(out); i++ {
		for _, child := range children[out[i]] {
			if !isBackend(child) {
				out = append(out, child)
			}
		}
	}
	return out
}

func isBackend(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	words := bytes.Split(line, []byte{0})
	return err == nil && len(words) > 2 && string(words[1]) == "backend" && strings.HasPrefix(string(words[2]), "-stdio")
}

// stat returns the fields of /proc/PID/stat from the third on, the state.
func stat(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 15 {
		return nil, fmt.Errorf("process %d: its state cannot be read", pid)
	}
	return fields, nil
}

func parentOf(pid int) (int, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(fields[1])
}

// cpuTime is utime and stime, fields 14 and 15.
func cpuTime(pid int) (time.Duration, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// memory is VmRSS and VmHWM.
func memory(pid int) (rss, peak int64) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	return kilobytes(path, "VmRSS"), kilobytes(path, "VmHWM")
}

func proportional(pid int) int64 { return kilobytes(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss") }

// kilobytes returns the value of a line "NAME: N kB" in bytes, or 0.
func kilobytes(path, name string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0 // the process has ended
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		if key != name {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64); err == nil {
			return n << 10
		}
	}
	return 0
}
