package guard

import "testing"

var StartTime = startTime

// Pid returns the process id of the guard's present process.
func (g *Guard) Pid() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cmd.Process.Pid
}

func FuzzApply(f *testing.F) {
	for _, line := range []string{"+123 456\n", "-123\n", "", "+", "+0 0", "+-5 1", "+2147483648 1", "+99999999999999999999 1"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		groups := map[int]uint64{7: 7}
		apply(groups, line)
		for pgid := range groups {
			if pgid <= 1 || pgid > 1<<31-1 {
				t.Fatalf("took group %d", pgid)
			}
		}
	})
}
