package daemon

import (
	"log/slog"

	"onemcp/internal/config"
	"onemcp/internal/trace"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/remote"
	"onemcp/internal/upstream/stdio"
)

// drivers makes the driver of each server. It is the one place that names them.
type drivers struct {
	environ []string       // what local servers may inherit
	guard   stdio.Guard    // nil: none
	sockets remote.Sockets // of the remote servers
	log     *slog.Logger
	trace   trace.Observer // nil: none
}

// of returns the driver of a server that is usable. The error is a *fault.Error.
func (d *drivers) of(s *config.MCPServer) (upstream.Driver, error) {
	if s.Kind == config.KindStdio {
		return d.stdio(s), nil
	}
	driver, err := remote.New(remote.Options{
		Name:       s.Name,
		URL:        s.URL.Reveal(),
		Kind:       remoteKind(s.Kind),
		Headers:    s.Headers,
		MaxMessage: int(s.MaxMessageSize),
		Log:        d.log,
		Sockets:    &d.sockets,
		Trace:      d.trace,
	})
	if err != nil {
		return nil, err
	}
	return driver, nil
}

func (d *drivers) stdio(s *config.MCPServer) upstream.Driver {
	args := make([]string, len(s.Args))
	for i, arg := range s.Args {
		args[i] = arg.Reveal()
	}
	return stdio.Driver{Options: stdio.Options{
		Name:       s.Name,
		Command:    s.Command,
		Args:       args,
		Dir:        s.Cwd,
		Env:        s.ChildEnv(d.environ),
		MaxMessage: int(s.MaxMessageSize),
		Log:        d.log,
		Guard:      d.guard,
		Trace:      d.trace,
	}}
}

func remoteKind(k config.Kind) remote.Kind {
	switch k {
	case config.KindHTTP:
		return remote.HTTP
	case config.KindSSE:
		return remote.SSE
	}
	return remote.Auto
}
