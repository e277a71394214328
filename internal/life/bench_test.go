package life_test

import (
	"testing"
	"time"

	"onemcp/internal/life"
)

func BenchmarkAlarm(b *testing.B) {
	b.Run("alarm", func(b *testing.B) {
		b.ReportAllocs()
		var alarms life.Alarms
		for b.Loop() {
			alarms.After(time.Minute, bell(nil)).Stop()
		}
	})
	b.Run("time.AfterFunc", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			time.AfterFunc(time.Minute, func() {}).Stop()
		}
	})
}
