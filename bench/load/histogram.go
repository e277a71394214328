package load

import (
	"math/bits"
	"time"
)

const subBuckets = 64 // of each power of two, so a figure is right to 1.6 %

// Histogram counts durations.
type Histogram struct {
	counts [48 * subBuckets]int
	total  int
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(d)]++
	h.total++
}

// Merge adds what another has counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// Quantile returns the duration that the share q, between 0 and 1, did not exceed.
func (h *Histogram) Quantile(q float64) time.Duration {
	left := int(q * float64(h.total))
	for i, n := range h.counts {
		if left -= n; left < 0 {
			return middle(i)
		}
	}
	return 0
}

func bucket(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - 7 // leaves 64 to 127
	return min((shift+1)*subBuckets+int(v>>shift)-subBuckets, len(Histogram{}.counts)-1)
}

// middle is the middle of what a bucket holds.
func middle(i int) time.Duration {
	if i < subBuckets {
		return time.Duration(i)
	}
	shift := i/subBuckets - 1
	low := uint64(i%subBuckets+subBuckets) << shift
	return time.Duration(low + 1<<shift/2)
}
