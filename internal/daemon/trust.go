package daemon

import (
	"context"
	"sync/atomic"
	"time"

	"onemcp/internal/trustlist"
	"onemcp/internal/trustproxy"
)

// believed is who is believed: the setting in force with the lists it names. A reload brings other lists.
type believed struct {
	lists atomic.Pointer[trustlist.Lists]
	other chan struct{} // holds a token when lists was replaced
}

func newBelieved(l *trustlist.Lists) *believed {
	b := &believed{other: make(chan struct{}, 1)}
	b.lists.Store(l)
	return b
}

// Policy returns the policy of the moment.
func (b *believed) Policy() *trustproxy.Policy { return b.lists.Load().Policy() }

// Age returns the age of the stalest list.
func (b *believed) Age() time.Duration { return b.lists.Load().Age() }

// replace puts other lists in force.
func (b *believed) replace(l *trustlist.Lists) {
	b.lists.Store(l)
	select {
	case b.other <- struct{}{}:
	default: // one is waiting already
	}
}

// run keeps the lists in force fresh until ctx ends.
func (b *believed) run(ctx context.Context) error {
	for ctx.Err() == nil {
		lists, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- b.lists.Load().Run(lists) }()
		select {
		case <-ctx.Done():
		case <-b.other:
		}
		stop()
		if err := <-done; err != nil {
			return err
		}
	}
	return nil
}
