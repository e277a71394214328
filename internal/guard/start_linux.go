package guard

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// startTime returns when a process was started, in clock ticks since boot; 0 if there is none.
func startTime(pid int) uint64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	return parseStartTime(stat)
}

// parseStartTime reads field 22 of a stat file. Field 2 is a name in parentheses that may hold anything.
func parseStartTime(stat []byte) uint64 {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const after = 22 - 3
	if len(fields) <= after {
		return 0
	}
	ticks, _ := strconv.ParseUint(string(fields[after]), 10, 64) // 0 if it is no number
	return ticks
}
