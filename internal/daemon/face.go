package daemon

import (
	"context"

	"onemcp/internal/config"
)

// A face is where clients meet the gateway: the HTTP listener, or the pipe of one client.
type face interface {
	// wire makes the parts; the gateway is there.
	wire()
	// start starts them; ended is called when one ends by itself.
	start(ended func(name string, err error))
	// announce tells where clients find us.
	announce()
	// prepare reads what another configuration names; apply puts it in force.
	prepare(next *config.Config) (apply func(), err error)
	// drain takes no new work and lets calls end.
	drain(s steps)
	// close ends the rest, after the sessions.
	close(s steps)
	// abandon gives back what was opened, in place of start.
	abandon()
}

// open makes the face that the options ask for.
func (d *Daemon) open(ctx context.Context) (face, error) {
	if d.o.Stdio != nil {
		return d.openPipe()
	}
	return d.openWeb(ctx)
}
