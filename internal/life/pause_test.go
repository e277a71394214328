package life_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/life"
)

func TestAPauseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		ends, takes time.Duration
		whole       bool
	}{
		{"whole", time.Hour, time.Minute, true},
		{"cut", time.Second, time.Second, false},
		{"cut at once", 0, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.ends)
				defer cancel()
				began := time.Now()
				if whole := life.Pause(ctx, time.Minute); whole != tt.whole || time.Since(began) != tt.takes {
					t.Errorf("whole %v after %s", whole, time.Since(began))
				}
			})
		})
	}
}
