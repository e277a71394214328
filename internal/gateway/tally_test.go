package gateway

import (
	"context"
	"testing"
)

// TestTallyClosesBehindTheLastCall: a call that comes after a backend was retired must not be let in, for it would be cut.
func TestTallyClosesBehindTheLastCall(t *testing.T) {
	t.Parallel()
	var n tally
	if !n.enter() {
		t.Fatal("an open tally lets nobody in")
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		n.close(t.Context())
	}()
	if n.enter() { // the first call is still there
		n.leave()
	} else {
		t.Error("nobody is let in while a call goes on")
	}
	select {
	case <-closed:
		t.Error("closed before the last call left")
	default:
	}
	n.leave()
	<-closed
	if n.enter() {
		t.Error("a closed tally let somebody in")
	}
}

func TestTallyIsClosedWhenTheDrainIsOver(t *testing.T) {
	t.Parallel()
	var n tally
	n.enter()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	n.close(over)
	if n.enter() {
		t.Error("a closed tally let somebody in")
	}
	n.leave()
	if n.enter() {
		t.Error("the last call opened the tally again")
	}
}

func TestACallOfARunningBackendIsCountedWithoutAllocations(t *testing.T) {
	var n tally
	if got := testing.AllocsPerRun(100, func() {
		n.enter()
		n.leave()
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
