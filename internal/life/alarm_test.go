package life_test

import (
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/life"
)

// bell does what a test wants when an alarm rings.
type bell func()

func (b bell) Ring() { b() }

func TestAlarm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		use  func(a *life.Alarm)
		want []time.Duration // when it rings
	}{
		"rings once":             {func(*life.Alarm) {}, []time.Duration{10 * time.Second}},
		"stopped":                {(*life.Alarm).Stop, nil},
		"paused":                 {(*life.Alarm).Pause, nil},
		"paused and stopped":     {func(a *life.Alarm) { a.Pause(); a.Stop() }, nil},
		"set anew":               {func(a *life.Alarm) { a.Pause(); a.Set(time.Minute) }, []time.Duration{time.Minute}},
		"set anew when it rang":  {func(a *life.Alarm) { wait(20 * time.Second); a.Pause(); a.Set(time.Second) }, []time.Duration{10 * time.Second, 21 * time.Second}},
		"stopped when it rang":   {func(a *life.Alarm) { wait(20 * time.Second); a.Stop() }, []time.Duration{10 * time.Second}},
		"set anew, then stopped": {func(a *life.Alarm) { a.Pause(); a.Set(time.Minute); a.Stop() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var alarms life.Alarms
				start, rang := time.Now(), make(chan time.Duration, 9)
				c.use(alarms.After(10*time.Second, bell(func() { rang <- time.Since(start) })))
				wait(time.Hour)
				for _, want := range c.want {
					select {
					case got := <-rang:
						if got != want {
							t.Errorf("rang after %s, not %s", got, want)
						}
					default:
						t.Errorf("did not ring after %s", want)
					}
				}
				if len(rang) > 0 {
					t.Errorf("rang once more, after %s", <-rang)
				}
			})
		})
	}
}

// wait lets time pass in a bubble.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// TestAnAlarmThatIsUsedAgainRingsForItsNewOwner, and for nobody else.
func TestAnAlarmThatIsUsedAgainRingsForItsNewOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var alarms life.Alarms
		for range 100 {
			alarms.After(time.Second, bell(func() { t.Error("a stopped alarm has rung") })).Stop()
			rang := make(chan time.Time, 1)
			start := time.Now()
			a := alarms.After(time.Minute, bell(func() { rang <- time.Now() }))
			if got := (<-rang).Sub(start); got != time.Minute {
				t.Errorf("rang after %s", got)
			}
			a.Stop()
		}
	})
}
