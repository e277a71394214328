package daemon

import (
	"context"
	"log/slog"
	"time"
)

// part is something long-lived that runs in a goroutine of its own until it is stopped.
type part struct {
	name string
	quit context.CancelFunc
	done chan struct{}
	err  error // valid after done
}

// start runs a part. When it ends by itself, with an error or not, ended is called with its name.
func start(name string, run func(context.Context) error, ended func(name string, err error)) *part {
	ctx, quit := context.WithCancel(context.Background())
	p := &part{name: name, quit: quit, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = run(ctx)
		if ctx.Err() == nil {
			ended(name, p.err)
		}
	}()
	return p
}

// stop ends the part and waits for it, at most until ctx ends.
func (p *part) stop(ctx context.Context) error {
	p.quit()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// steps are a shutdown: each has a deadline and names itself when it is late.
type steps struct {
	log *slog.Logger
}

// do runs one step, and goes on when it fails or is late: the next ones matter all the same.
func (s steps) do(name string, limit time.Duration, step func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	began := time.Now()
	err := step(ctx)
	switch {
	case ctx.Err() != nil:
		s.log.Warn("a step of the shutdown is late and is left behind", "step", name, "deadline", limit.String())
	case err != nil:
		s.log.Warn("a step of the shutdown failed", "step", name, "error", err)
	default:
		s.log.Debug("shutdown", "step", name, "took", time.Since(began).String())
	}
}
