package daemon

import (
	"context"

	"onemcp/internal/gateway"
)

// report logs every backend that becomes ready, until ctx ends. That one is away the
// gateway logs itself, with the reason.
func (d *Daemon) report(ctx context.Context) error {
	known := map[string]gateway.State{}
	for {
		changed := d.gateway.Changed()
		for _, s := range d.gateway.Status() {
			if s.State == gateway.Ready && known[s.Name] != gateway.Ready {
				d.o.Log.Info("backend is ready", "backend", s.Name, "version", s.Version,
					"tools", s.Tools, "prompts", s.Prompts, "resources", s.Resources, "templates", s.Templates)
			}
			known[s.Name] = s.State
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}
