package ratelimit_test

import (
	"testing"
	"time"

	"onemcp/internal/ratelimit"
)

// taken returns how many of n requests at one moment are admitted.
func taken(l *ratelimit.Limiter[string], key string, at time.Time, n int) (count int) {
	for range n {
		if _, ok := l.Allow(key, at); ok {
			count++
		}
	}
	return count
}

func TestEachKeyHasABucket(t *testing.T) {
	t.Parallel()
	l := ratelimit.New[string](ratelimit.Limits{PerKey: 60, Burst: 5})
	now := time.Unix(0, 0)
	if a, b := taken(l, "a", now, 9), taken(l, "b", now, 9); a != 5 || b != 5 {
		t.Errorf("%d of a and %d of b are admitted, want 5 each", a, b)
	}
	if retry, ok := l.Allow("a", now); ok || retry != time.Second {
		t.Errorf("retry after %s, %v", retry, ok)
	}
	if n := taken(l, "a", now.Add(2*time.Second), 9); n != 2 {
		t.Errorf("%d after two seconds, want 2", n)
	}
}

func TestAllTogetherHaveABucket(t *testing.T) {
	t.Parallel()
	l := ratelimit.New[string](ratelimit.Limits{PerKey: 600, Burst: 100, Global: 60})
	now := time.Unix(0, 0)
	if n := taken(l, "a", now, 20) + taken(l, "b", now, 20); n != 10 {
		t.Errorf("%d are admitted, want 10", n)
	}
}

func TestWithoutLimitsAllPass(t *testing.T) {
	t.Parallel()
	if n := taken(ratelimit.New[string](ratelimit.Limits{}), "a", time.Unix(0, 0), 1000); n != 1000 {
		t.Errorf("%d of 1000", n)
	}
}
