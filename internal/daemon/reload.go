package daemon

import (
	"context"

	"onemcp/internal/config"
)

// Reload asks for the configuration to be read again, and returns at once.
func (d *Daemon) Reload() {
	select {
	case d.asked <- struct{}{}:
	default: // one is waiting already
	}
}

// reloads reads the configuration again whenever somebody asks or the file changes.
func (d *Daemon) reloads(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.asked:
		case <-d.o.Source.Changed():
		}
		d.reload()
	}
}

func (d *Daemon) reload() {
	next, problems := d.o.Source.Load()
	LogProblems(d.o.Log, problems)
	if next == nil || newTrouble(d.config, next) {
		d.o.Log.Error("the configuration is wrong; nothing is changed", "file", d.o.Source.Path())
		return
	}
	changes := config.Diff(d.config, next)
	if changes.Empty() {
		d.o.Log.Info("the configuration is unchanged", "file", d.o.Source.Path())
		return
	}
	apply, err := d.face.prepare(next)
	if err != nil {
		d.o.Log.Error("the configuration is wrong; nothing is changed", "file", d.o.Source.Path(), "error", err)
		return
	}
	d.config = next
	d.setLevel()
	apply()
	d.gateway.Apply(d.setup())
	d.o.Log.Info("the configuration is reloaded", "file", d.o.Source.Path(),
		"added", changes.Added, "removed", changes.Removed, "restarted", changes.Restart, "relabelled", changes.Relabel)
}

// newTrouble reports whether next has an unusable server that was not there, or was usable. One
// that was unusable before is no reason to refuse what else has changed.
func newTrouble(old, next *config.Config) bool {
	broken := map[string]bool{}
	for i := range old.Servers {
		broken[old.Servers[i].Name] = !old.Servers[i].Usable()
	}
	for i := range next.Servers {
		if s := &next.Servers[i]; !s.Usable() && !broken[s.Name] {
			return true
		}
	}
	return false
}

// needRestart names the settings that differ and are read at the start alone.
func needRestart(old, next *config.Server) []string {
	var names []string
	differs := func(name string, differs bool) {
		if differs {
			names = append(names, "server."+name)
		}
	}
	differs("host", old.Host != next.Host)
	differs("port", old.Port != next.Port)
	differs("listen", old.Listen != next.Listen)
	differs("socketMode", old.SocketMode != next.SocketMode)
	differs("proxyProtocol", old.ProxyProtocol != next.ProxyProtocol)
	differs("metrics", old.Metrics != next.Metrics)
	differs("maxBodySize", old.MaxBodySize != next.MaxBodySize)
	differs("maxHeaderSize", old.MaxHeaderSize != next.MaxHeaderSize)
	differs("heartbeatInterval", old.HeartbeatInterval != next.HeartbeatInterval)
	differs("sessionIdleTimeout", old.SessionIdleTimeout != next.SessionIdleTimeout)
	differs("maxSessions", old.MaxSessions != next.MaxSessions)
	differs("maxSessionsPerClient", old.SessionsPerClient != next.SessionsPerClient)
	differs("logFormat", old.LogFormat != next.LogFormat)
	return names
}
