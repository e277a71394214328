package gcpace

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

const (
	room    = 16 << 20 // bytes of garbage between two collections, beyond the usual
	usual   = 100      // Go's own percentage
	largest = 800
)

// Start sets the pace of this process until stop is called, which sets it back. It is for the main program:
// there is one collector.
func Start() (stop func()) {
	p := &pacer{}
	before := debug.SetGCPercent(percent(kept()))
	p.arm()
	return func() {
		p.stopped.Store(true)
		debug.SetGCPercent(before)
	}
}

type pacer struct{ stopped atomic.Bool }

// sentinel is garbage by which a collection is noticed. It is large enough to have a place of its own.
type sentinel struct {
	p *pacer
	_ [16]byte
}

// arm has adjust called after the next collection.
func (p *pacer) arm() { runtime.SetFinalizer(&sentinel{p: p}, (*sentinel).collected) }

func (s *sentinel) collected() {
	if s.p.stopped.Load() {
		return
	}
	s.p.arm()
	want := percent(kept())
	if now := current(); want > now+now/4 || want < now-now/4 { // a change stops the world
		debug.SetGCPercent(want)
	}
}

// percent decides the collector's percentage where it goes by so many bytes.
func percent(kept uint64) int {
	if kept == 0 {
		return largest
	}
	return int(min(usual+room*100/kept, largest))
}

// kept returns the bytes of which the percentage is taken: what the last collection left, and its roots.
func kept() uint64 {
	return read("/gc/heap/live:bytes") + read("/gc/scan/stack:bytes") + read("/gc/scan/globals:bytes")
}

// current returns the percentage in force.
func current() int { return int(read("/gc/gogc:percent")) }

func read(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
