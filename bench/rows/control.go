package rows

import (
	"context"
	"fmt"
	"time"

	"onemcp/bench/backend"
	"onemcp/bench/load"
	"onemcp/bench/middle"
)

// control is something that meets as many backends as the gateway does and has as good as nothing of its
// own to do, so that what grows of it is the machine's.
type control struct {
	name string
	at   func(l *Lab, label string, backends int) subject
}

func (c control) label(backends int) string { return fmt.Sprintf("%s, %d", c.name, backends) }

// subjects are the control in front of each number of backends.
func (c control) subjects(l *Lab, sizes ...int) (out []subject) {
	for _, n := range sizes {
		out = append(out, c.at(l, c.label(n), n))
	}
	return out
}

// notes compare the control in front of many backends with itself in front of few, as goals do the gateway.
func (c control) notes(few, many int) []goal {
	of, than := c.label(many), c.label(few)
	return []goal{
		{what: fmt.Sprintf("control: calls/s of %s of that of %s", of, than), figure: perSecond, of: of, than: than},
		cpuOf(of, than),
		added("control", of, than),
	}
}

// cpuOf is what a call of one costs in terms of another.
func cpuOf(of, than string) goal {
	return goal{what: fmt.Sprintf("control: CPU per call of %s of that of %s", of, than), figure: cpu, of: of, than: than}
}

// added is what a call costs more in front of many backends than of few. A control that costs next to nothing in
// front of few has a ratio that says little.
func added(who, many, few string) goal {
	return goal{what: fmt.Sprintf("%s: CPU µs that a call of %s costs more than of %s", who, many, few), figure: cpu, of: many, than: few, added: true}
}

// proxied is the reverse proxy in front of n backends. It does not make one of them, so each client has a
// session with each, and asks under its path.
func (l *Lab) proxied(label string, n int) subject {
	return l.proxy(label, l.http(n, plain(backend.Both)))
}

func (l *Lab) proxy(label string, s middle.Setup) subject {
	tour := func([]string) load.Job { return load.EchoTour }
	return subject{label: label, kind: middle.ReverseProxy(l.Self), setup: s, era: backend.Legacy, job: tour}
}

// directStdio is what load and n stdio backends reach alone. Its processor time is that of the load, which is
// what a client pays for the pipes.
func (l *Lab) directStdio(label string, n int) subject {
	servers := l.stdio(n, plain(backend.Both)).Backends
	return subject{label: label, alone: func(ctx context.Context, clients int, length time.Duration) (lap, error) {
		return overPipes(ctx, servers, clients, length)
	}}
}
