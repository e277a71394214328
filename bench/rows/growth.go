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

func growthBackends() race {
	return grown("backends", "tools/call in front of more and more HTTP backends", []int{1, 20, 200}, func(l *Lab, label string, n int) subject {
		return l.oneMCP(label, l.http(l.large(n), plain(backend.Both)), backend.Legacy, echo)
	})
}

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
	crowd, err := load.Crowd(url, backend.Legacy, 1)
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
