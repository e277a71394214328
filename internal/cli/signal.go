package cli

import (
	"context"
	"errors"
	"os"
)

// errSignal is the cause of a context that a signal ended.
var errSignal = errors.New("stopped by a signal")

// untilSignal returns a context that the first of the signals ends. stop releases it, and waits for what
// was started.
func (env *Env) untilSignal(which ...os.Signal) (ctx context.Context, stop func()) {
	arrived, unsubscribe := env.Signals(which...)
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-arrived:
			cancel(errSignal)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		unsubscribe()
		cancel(nil)
		<-done
	}
}
