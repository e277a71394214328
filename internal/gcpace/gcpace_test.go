package gcpace

import (
	"runtime"
	"testing"
)

func TestPercent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		kept uint64
		want int
	}{
		{"nothing known", 0, 800},
		{"nearly empty", 1 << 20, 800},
		{"small", 4 << 20, 500},
		{"as large as the room", 16 << 20, 200},
		{"large", 1 << 30, 101},
		{"very large", 4 << 30, 100},
	} {
		if got := percent(tt.kept); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestThePaceFollowsTheHeap: a heap that grows gets Go's own rule back, and so does the process in the end. It stands alone, since there is one collector.
func TestThePaceFollowsTheHeap(t *testing.T) {
	before := current()
	stop := Start()
	if current() <= 100 {
		t.Errorf("began with %d percent", current())
	}
	ballast := make([]byte, 64<<20)
	for current() > 150 {
		if t.Context().Err() != nil {
			t.Fatalf("stays at %d percent", current())
		}
		runtime.GC()
		runtime.Gosched()
	}
	runtime.KeepAlive(ballast)
	stop()
	if current() != before {
		t.Errorf("left at %d percent, was %d", current(), before)
	}
}
