package daemon

import (
	"context"

	"onemcp/internal/trace"
)

// openTrace opens the trace of all messages, if one is wanted.
func openTrace(o trace.Options) (*trace.File, error) {
	if o.Path == "" {
		return nil, nil
	}
	return trace.Open(o)
}

// observer returns what is told of every message, nil for nobody.
func (d *Daemon) observer() trace.Observer {
	if d.trace == nil {
		return nil
	}
	return d.trace.Observe
}

// writeTrace is the part that writes the trace.
func (d *Daemon) writeTrace(ctx context.Context) error {
	if d.trace == nil {
		<-ctx.Done()
		return nil
	}
	return d.trace.Run(ctx)
}
