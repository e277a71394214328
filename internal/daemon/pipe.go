package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"onemcp/internal/catalog"
	"onemcp/internal/config"
	"onemcp/internal/front/stdio"
	"onemcp/internal/gateway"
)

// Stdio is a client that is served in place of the HTTP listener.
type Stdio struct {
	In    io.Reader
	Out   io.WriteCloser // closed at the end
	Scope gateway.Scope  // which part of the gateway the client sees
}

// errLeft ends the daemon when its one client has gone.
var errLeft = errors.New("the client has left")

// pipe is the face for one client on stdin and stdout.
type pipe struct {
	d      *Daemon
	front  *stdio.Front
	client *part
}

// openPipe finds out whether what the client is to see is there.
func (d *Daemon) openPipe() (face, error) {
	makes := drivers{environ: d.o.Environ, log: d.o.Log}
	unstarted := gateway.New(gateway.Options{Log: slog.New(slog.DiscardHandler)}, setup(d.config, d.o.Environ, makes.of))
	if err := unstarted.Check(d.o.Stdio.Scope); err != nil {
		return nil, err
	}
	return &pipe{d: d}, nil
}

func (p *pipe) wire() {
	p.front = stdio.New(stdio.Options{
		Gateway:    p.d.gateway,
		Sessions:   p.d.sessions,
		Log:        p.d.o.Log,
		Scope:      p.d.o.Stdio.Scope,
		MaxMessage: int(p.d.config.Server.MaxBodySize),
		Drain:      drainLimit,
		Settled:    func(ctx context.Context) { p.d.gateway.Settled(ctx, p.d.o.Stdio.Scope.Selector) },
		Trace:      p.d.observer(),
	})
}

func (p *pipe) start(ended func(string, error)) {
	p.client = start("the client", func(ctx context.Context) error {
		_ = p.front.Run(ctx, p.d.o.Stdio.In, p.d.o.Stdio.Out)
		return errLeft
	}, ended)
}

func (p *pipe) announce() {
	p.d.o.Log.Info("serving one client on stdin and stdout", "file", p.d.o.Source.Path())
	p.warnOfUnknown(p.d.config)
}

// warnOfUnknown tells of what the client is to see and the configuration does not have. It may come with a reload.
func (p *pipe) warnOfUnknown(c *config.Config) {
	picked := p.d.o.Stdio.Scope.Selector
	members := make([]catalog.Member, len(c.Servers))
	for i := range c.Servers {
		members[i] = catalog.Member{Name: c.Servers[i].Name, Tags: c.Servers[i].Tags}
	}
	if unknown, known := catalog.Unknown(picked, members); len(unknown) > 0 {
		p.d.o.Log.Warn("--"+picked.Name()+" names what the configuration does not have", "unknown", unknown, "known", known)
	}
}

func (p *pipe) prepare(next *config.Config) (func(), error) {
	was := p.d.config.Server.MaxBodySize
	return func() {
		p.warnOfUnknown(next)
		if was != next.Server.MaxBodySize {
			p.d.o.Log.Warn("these settings take effect at the next start", "settings", "server.maxBodySize")
		}
	}, nil
}

func (p *pipe) drain(s steps) {
	s.do("drain calls", drainLimit+partLimit, func(ctx context.Context) error {
		if err := p.client.stop(ctx); !errors.Is(err, errLeft) {
			return err
		}
		return nil
	})
}

func (p *pipe) close(steps) {}

func (p *pipe) abandon() {}
