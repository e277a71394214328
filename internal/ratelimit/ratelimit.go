package ratelimit

import (
	"math"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// maxKeys bounds the callers that are remembered. A caller that was forgotten starts with a full bucket.
const maxKeys = 16384

// Limits are requests a minute; 0 means no limit.
type Limits struct {
	PerKey int
	Burst  int // requests of one key at once; 0: a sixth of PerKey, at least 10
	Global int
}

// Limiter is a table of limits by K.
type Limiter[K comparable] struct {
	limits Limits
	all    *rate.Limiter
	keys   *lru.Cache[K, *rate.Limiter]
}

// New returns a limiter, nil if there is nothing to limit. A nil limiter admits all.
func New[K comparable](l Limits) *Limiter[K] {
	if l.PerKey <= 0 && l.Global <= 0 {
		return nil
	}
	if l.Burst <= 0 {
		l.Burst = max(l.PerKey/6, 10)
	}
	n := &Limiter[K]{limits: l}
	if l.Global > 0 {
		n.all = rate.NewLimiter(perMinute(l.Global), max(l.Global/6, 10))
	}
	n.keys, _ = lru.New[K, *rate.Limiter](maxKeys) // fails for a size below one only
	return n
}

func perMinute(n int) rate.Limit { return rate.Limit(float64(n) / 60) }

// Allow counts a request and reports whether it may go on; if not, after how long another may. A refused
// request counts for nothing.
func (l *Limiter[K]) Allow(key K, now time.Time) (retry time.Duration, ok bool) {
	if l == nil {
		return 0, true
	}
	if l.all == nil && l.limits.PerKey > 0 && l.bucket(key).AllowN(now, 1) {
		return 0, true // as nearly always, and cheaper than what follows
	}
	var own *rate.Reservation
	if l.limits.PerKey > 0 {
		if own = l.bucket(key).ReserveN(now, 1); own.DelayFrom(now) > 0 {
			return refuse(own, now)
		}
	}
	if l.all == nil {
		return 0, true
	}
	r := l.all.ReserveN(now, 1)
	if r.DelayFrom(now) == 0 {
		return 0, true
	}
	if own != nil {
		own.CancelAt(now)
	}
	return refuse(r, now)
}

func refuse(r *rate.Reservation, now time.Time) (time.Duration, bool) {
	wait := r.DelayFrom(now)
	r.CancelAt(now)
	return time.Duration(math.Ceil(wait.Seconds())) * time.Second, false
}

func (l *Limiter[K]) bucket(key K) *rate.Limiter {
	if b, ok := l.keys.Get(key); ok {
		return b
	}
	b := rate.NewLimiter(perMinute(l.limits.PerKey), l.limits.Burst)
	if had, ok, _ := l.keys.PeekOrAdd(key, b); ok {
		return had
	}
	return b
}
