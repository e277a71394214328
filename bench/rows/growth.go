package rows

import (
	"context"
	"fmt"

	"onemcp/bench/backend"
	"onemcp/bench/load"
)

// grown is a race between the gateway at three sizes of something.
func grown(name, title string, sizes []int, at func(l *Lab, label string, size int) subject) race {
	label := func(size int) string { return fmt.Sprintf("%d %s", size, name) }
	r := race{
		name:      "growth-" + name,
		title:     title,
		clients:   []int{16},
		reference: label(sizes[0]),
		subjects: func(l *Lab) []subject {
			out := []subject{l.directHTTP()}
			for _, size := range sizes {
				out = append(out, at(l, label(size), size))
			}
			return out
		},
	}
	for _, size := range sizes[1:] {
		r.goals = append(r.goals, goal{
			what: fmt.Sprintf("CPU per call with %s of that with %d", label(size), sizes[0]),
			of:   label(size), than: label(sizes[0]), figure: cpu, limit: 1.1, most: true,
		})
	}
	return r
}

// Labels of the row about more backends.
const (
	oneOf          = "one of 200"
	origins        = "200 origins"
	proxiedOrigins = proxy + ", 200 origins"
)

// growthBackends has controls: the gateway in front of all backends when only one of them is called, and when each
// has an origin of its own; and a reverse proxy in front of as many.
func growthBackends() race {
	const one, some, most = 1, 20, 200
	r := grown("backends", "tools/call in front of more and more HTTP backends, all called in turn", []int{one, some, most}, func(l *Lab, label string, n int) subject {
		return l.oneMCP(label, l.http(l.large(n), plain(backend.Both)), backend.Legacy, echo)
	})
	beside := control{name: proxy, at: func(l *Lab, label string, n int) subject { return l.proxied(label, l.large(n)) }}
	gateways := r.subjects
	r.subjects = func(l *Lab) []subject {
		out := append(gateways(l), l.oneMCP(oneOf, l.http(l.large(most), plain(backend.Both)), backend.Legacy, echoFirst))
		return append(append(out, beside.subjects(l, one, some, most)...), l.byOrigin(l.large(most))...)
	}
	for _, g := range r.goals {
		r.notes = append(r.notes, added(ours, g.of, g.than))
	}
	r.notes = append(append(r.notes, beside.notes(one, some)...), beside.notes(one, most)...)
	r.notes = append(r.notes, cpuOf(oneOf, r.reference), cpuOf(origins, r.reference), cpuOf(proxiedOrigins, beside.label(one)))
	return r
}

// byOrigin are the gateway and the reverse proxy in front of n backends that have no sockets in common. Backends
// that are not ours have one origin only.
func (l *Lab) byOrigin(n int) []subject {
	if len(l.Origins) < n {
		return nil
	}
	s := l.apart(n, plain(backend.Both))
	return []subject{l.oneMCP(origins, s, backend.Legacy, echo), l.proxy(proxiedOrigins, s)}
}

// echoFirst calls the echo tool of the first backend only.
func echoFirst(tools []string) load.Job { return load.EchoCall(load.Named(tools, backend.Echo)[:1]) }

func growthTools() race {
	return grown("tools", "tools/call of one among more and more tools of an HTTP backend", []int{10, 1000, 10_000}, func(l *Lab, label string, n int) subject {
		return l.oneMCP(label, l.http(1, backend.Profile{Era: backend.Both, Tools: max(3, l.large(n))}), backend.Legacy, echo)
	})
}

func growthSessions() race {
	return grown("sessions", "tools/call beside more and more idle sessions", []int{1, 1000, 10_000}, func(l *Lab, label string, n int) subject {
		s := l.oneMCP(label, l.http(1, plain(backend.Both)), backend.Legacy, echo)
		s.before = func(ctx context.Context, url string) error {
			_, err := openSessions(ctx, url, l.large(n))
			return err
		}
		return s
	})
}

// openSessions opens sessions and leaves them, all on one connection that ends. It returns their ids.
func openSessions(ctx context.Context, url string, n int) ([]string, error) {
	crowd, err := load.Crowd(backend.Legacy, 1, url)
	if err != nil {
		return nil, err
	}
	c := crowd[0]
	defer c.Close()
	ids := []string{c.SessionID()}
	for len(ids) < n && ctx.Err() == nil {
		if err := c.Open(); err != nil {
			return nil, err
		}
		ids = append(ids, c.SessionID())
	}
	return ids, ctx.Err()
}
