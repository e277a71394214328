package remote

import (
	"testing"

	"onemcp/internal/upstream"
)

// TestCallsThatAreOverAreNotKept, however many there were at a time and whichever ended first.
func TestCallsThatAreOverAreNotKept(t *testing.T) {
	t.Parallel()
	for name, ending := range map[string][]int{"one": {0}, "the older first": {0, 1}, "the newer first": {2, 1, 0}} {
		var s calls
		all := make([]*call, len(ending))
		for i := range all {
			all[i] = &call{Request: &upstream.Request{ID: uint64(i + 1)}}
			if !s.add(all[i]) {
				t.Errorf("%s: call %d was not taken in", name, i)
			}
		}
		for _, i := range ending {
			s.remove(all[i])
			if s.find(uint64(i+1)) != nil {
				t.Errorf("%s: call %d is found when it is over", name, i)
			}
		}
		if s.list != nil || s.one[0] != nil {
			t.Errorf("%s: %v and %v are left", name, s.list, s.one)
		}
	}
}
