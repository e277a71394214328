package trustproxy

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
)

// Entries is the contents of a list: address ranges, and whether unix-socket peers belong
// to it. A nil or zero Entries trusts nobody.
type Entries struct {
	Prefixes []netip.Prefix // masked, unmapped
	Unix     bool
}

// list answers whether an address is in a set of ranges. Ranges are merged and sorted
// once, so that a lookup is a few steps of binary search whatever the list's length. The
// zero value holds nobody. Immutable after newList.
type list struct {
	v4   []span4
	v6   []span6
	unix bool
}

type span4 struct{ first, last uint32 }

type span6 struct{ first, last uint128 }

type uint128 struct{ hi, lo uint64 }

func (a uint128) less(b uint128) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

// newList compiles entries.
func newList(entries Entries) list {
	l := list{unix: entries.Unix}
	for _, p := range entries.Prefixes {
		if p.Addr().Is4() {
			l.v4 = append(l.v4, spanOf4(p))
		} else {
			l.v6 = append(l.v6, spanOf6(p))
		}
	}
	l.v4, l.v6 = merge4(l.v4), merge6(l.v6)
	return l
}

func spanOf4(p netip.Prefix) span4 {
	first := word4(p.Masked().Addr())
	return span4{first, first | uint32(uint64(1)<<(32-p.Bits())-1)}
}

func spanOf6(p netip.Prefix) span6 {
	first := word6(p.Masked().Addr())
	last := first
	if free := 128 - p.Bits(); free >= 64 {
		last.lo = ^uint64(0)
		last.hi |= uint64(1)<<(free-64) - 1
	} else {
		last.lo |= uint64(1)<<free - 1
	}
	return span6{first, last}
}

// merge4 sorts and joins overlapping spans. Prefixes are disjoint or nested, so that a
// span which starts inside the one before it also ends there.
func merge4(in []span4) []span4 {
	slices.SortFunc(in, func(a, b span4) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(b.last, a.last))
	})
	var out []span4
	for _, s := range in {
		if n := len(out); n == 0 || out[n-1].last < s.first {
			out = append(out, s)
		}
	}
	return out
}

func merge6(in []span6) []span6 {
	slices.SortFunc(in, func(a, b span6) int {
		return cmp.Or(compare6(a.first, b.first), compare6(b.last, a.last))
	})
	var out []span6
	for _, s := range in {
		if n := len(out); n == 0 || out[n-1].last.less(s.first) {
			out = append(out, s)
		}
	}
	return out
}

func compare6(a, b uint128) int {
	return cmp.Or(cmp.Compare(a.hi, b.hi), cmp.Compare(a.lo, b.lo))
}

// contains tells whether a canonical address is in the list.
func (l *list) contains(a netip.Addr) bool {
	if a.Is4() {
		return l.contains4(word4(a))
	}
	return a.IsValid() && l.contains6(word6(a))
}

func (l *list) contains4(w uint32) bool {
	low, high := 0, len(l.v4)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if l.v4[mid].first <= w {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low > 0 && w <= l.v4[low-1].last
}

func (l *list) contains6(w uint128) bool {
	low, high := 0, len(l.v6)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if !w.less(l.v6[mid].first) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low > 0 && !l.v6[low-1].last.less(w)
}

func word4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func word6(a netip.Addr) uint128 {
	b := a.As16()
	return uint128{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}
