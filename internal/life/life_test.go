package life_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"onemcp/internal/life"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errWhy = errors.New("why")

func TestTheEndIsSeenEverywhere(t *testing.T) {
	t.Parallel()
	c := life.With(context.Background())
	if c.Err() != nil {
		t.Fatal("ended before its end")
	}
	early := c.Done()
	c.End(errWhy)
	c.End(errors.New("another"))
	<-early
	<-c.Done()
	if c.Err() != errWhy || context.Cause(c) != errWhy {
		t.Errorf("got %v, %v", c.Err(), context.Cause(c))
	}
}

func TestWithoutACauseItIsCanceled(t *testing.T) {
	t.Parallel()
	c := life.With(context.Background())
	c.End(nil)
	if !errors.Is(c.Err(), context.Canceled) {
		t.Errorf("got %v", c.Err())
	}
}

func TestTheParentsEndIsItsOwn(t *testing.T) {
	t.Parallel()
	std, cancel := context.WithCancelCause(t.Context())
	own := life.With(context.Background())
	for name, parent := range map[string]struct {
		ctx context.Context
		end func(error)
	}{"standard": {std, cancel}, "own": {own, own.End}} {
		c := life.With(parent.ctx)
		parent.end(errWhy)
		<-c.Done()
		if c.Err() != errWhy {
			t.Errorf("%s: got %v", name, c.Err())
		}
		late := life.With(parent.ctx)
		<-late.Done()
	}
}

func TestStandardContextsFollowIt(t *testing.T) {
	t.Parallel()
	c := life.With(context.Background())
	child, cancel := context.WithTimeout(c, time.Hour)
	defer cancel()
	c.End(errWhy)
	<-child.Done()
	if context.Cause(child) != errWhy {
		t.Errorf("got %v", context.Cause(child))
	}
}

type key struct{}

// TestValuesAreThoseItCarries, and those of what it follows, of its own kind only.
func TestValuesAreThoseItCarries(t *testing.T) {
	t.Parallel()
	with := func(value string) context.Context { return context.WithValue(context.Background(), key{}, value) }
	var carrying, both life.Context
	carrying.Carry(with("carried"))
	both.Carry(with("own"))
	both.Follow(&carrying)
	std, cancel := context.WithCancel(life.With(&carrying))
	defer cancel()
	for name, tt := range map[string]struct {
		ctx  context.Context
		want any
	}{
		"carried":                       {&carrying, "carried"},
		"of the parent":                 {life.With(&carrying), "carried"},
		"of the parent's parent":        {life.With(life.With(&carrying)), "carried"},
		"its own before the parent's":   {&both, "own"},
		"through a standard one":        {std, "carried"},
		"of a parent of another kind":   {life.With(with("x")), nil},
		"of a standard one between two": {life.With(std), nil},
		"of nobody":                     {new(life.Context), nil},
	} {
		if got := tt.ctx.Value(key{}); got != tt.want {
			t.Errorf("%s: got %v, wanted %v", name, got, tt.want)
		}
	}
	if got := carrying.Value("another key"); got != nil {
		t.Errorf("got %v", got)
	}
}

// TestStandardContextsOfOneThatCarriesValuesEndWithIt, for its reason, and take no goroutine to do so.
func TestStandardContextsOfOneThatCarriesValuesEndWithIt(t *testing.T) {
	t.Parallel()
	var c life.Context
	c.Carry(context.WithValue(context.Background(), key{}, "x"))
	child, cancel := context.WithCancel(life.With(&c))
	defer cancel()
	if child.Err() != nil || context.Cause(child) != nil {
		t.Fatal("ended before its end")
	}
	c.End(errWhy)
	<-child.Done()
	if child.Err() != errWhy || context.Cause(child) != errWhy || context.Cause(&c) != errWhy {
		t.Errorf("got %v, %v, %v", child.Err(), context.Cause(child), context.Cause(&c))
	}
	late, cancel := context.WithTimeout(&c, time.Hour)
	defer cancel()
	if context.Cause(late) != errWhy {
		t.Errorf("late: %v", context.Cause(late))
	}
}

func TestWhatIsStoppedIsNotDone(t *testing.T) {
	t.Parallel()
	c := life.With(context.Background())
	var done sync.WaitGroup
	done.Add(2)
	c.AfterFunc(done.Done)
	stop := c.AfterFunc(func() { t.Error("done though it was stopped") })
	c.AfterFunc(done.Done)
	if !stop() || stop() {
		t.Error("stop tells wrong")
	}
	c.End(errWhy)
	done.Wait()
	done.Add(1)
	if stop := c.AfterFunc(done.Done); stop() {
		t.Error("stopped after the end")
	}
	done.Wait()
}

// TestAHookIsHungAgain where it was taken off, and done for the last one that wants something of it.
func TestAHookIsHungAgain(t *testing.T) {
	t.Parallel()
	c, other := life.With(context.Background()), life.With(context.Background())
	var h life.Hook
	for _, on := range []*life.Context{c, other, c, c} {
		on.Hang(&h, func() { t.Error("done though it was taken off") })
		if !on.TakeOff(&h) || on.TakeOff(&h) {
			t.Error("taking it off tells wrong")
		}
	}
	var done sync.WaitGroup
	done.Add(1)
	c.Hang(&h, done.Done)
	c.End(errWhy)
	done.Wait()
	if c.TakeOff(&h) {
		t.Error("taken off after the end")
	}
	done.Add(1)
	c.Hang(&h, done.Done)
	done.Wait()
}

func TestAHookAllocatesNothing(t *testing.T) {
	var c life.Context
	var h life.Hook
	f := func() {}
	if n := testing.AllocsPerRun(100, func() {
		c.Hang(&h, f)
		c.TakeOff(&h)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestChildrenMayLeaveInAnyOrder: those that are left end with the parent, the others are let be.
func TestChildrenMayLeaveInAnyOrder(t *testing.T) {
	t.Parallel()
	for name, leaving := range map[string][]int{
		"nobody": {}, "the first": {0}, "the last": {3}, "between": {1}, "neighbours": {1, 2}, "from the end on": {3, 2, 1, 0}, "all": {0, 1, 2, 3},
	} {
		parent := life.With(context.Background())
		children, left := make([]*life.Context, 4), map[int]bool{}
		for i := range children {
			children[i] = life.With(parent)
		}
		for _, i := range leaving {
			children[i].Unfollow()
			left[i] = true
		}
		parent.End(errWhy)
		for i, c := range children {
			if ended := c.Err() == errWhy; ended == left[i] {
				t.Errorf("%s leaving: child %d ended: %t", name, i, ended)
			}
		}
	}
}

// TestAnEndedOneIsNotKept: a parent that lives long forgets its children.
func TestAnEndedOneIsNotKept(t *testing.T) {
	t.Parallel()
	parent := life.With(context.Background())
	freed := make(chan struct{})
	child := life.With(parent)
	runtime.AddCleanup(child, func(int) { close(freed) }, 0)
	child.End(nil)
	awaitFreed(t, freed)
	runtime.KeepAlive(parent)
}

// awaitFreed waits until something is collected.
func awaitFreed(t *testing.T, freed <-chan struct{}) {
	t.Helper()
	for late := time.Now().Add(time.Minute); ; runtime.GC() {
		select {
		case <-freed:
			return
		default:
		}
		if time.Now().After(late) {
			t.Fatal("it is kept")
		}
	}
}

// TestWhoCouldStopSomethingKeepsNothing of what was to be done, nor of what others wanted done.
func TestWhoCouldStopSomethingKeepsNothing(t *testing.T) {
	t.Parallel()
	for _, end := range map[string]func(c *life.Context, stops ...func() bool){
		"stopped": func(_ *life.Context, stops ...func() bool) {
			for _, stop := range stops {
				stop()
			}
		},
		"done": func(c *life.Context, _ ...func() bool) { c.End(nil) },
	} {
		c, freed, ran := life.With(context.Background()), make(chan struct{}, 2), make(chan struct{}, 2)
		want := func() (stop func() bool) {
			held := new([64]int)
			runtime.AddCleanup(held, func(int) { freed <- struct{}{} }, 0)
			return c.AfterFunc(func() { held[0]++; ran <- struct{}{} })
		}
		first, second := want(), want()
		end(c, second, first)
		for range 2 {
			awaitFreed(t, freed)
		}
		runtime.KeepAlive(first)
		runtime.KeepAlive(second)
	}
}

func TestEndsAtOnceCountOnce(t *testing.T) {
	t.Parallel()
	for range 100 {
		parent := life.With(context.Background())
		c := life.With(parent)
		var all sync.WaitGroup
		all.Add(1)
		c.AfterFunc(all.Done)
		all.Go(func() { parent.End(errWhy) })
		all.Go(func() { c.End(nil) })
		all.Go(func() { <-c.Done() })
		all.Wait()
	}
}

func BenchmarkWith(b *testing.B) {
	b.ReportAllocs()
	parent := life.With(context.Background())
	for b.Loop() {
		life.With(parent).End(nil)
	}
}
