package rows

import (
	"context"
	"fmt"
	"time"

	"onemcp/bench/backend"
	"onemcp/bench/load"
	"onemcp/bench/middle"
	"onemcp/bench/table"
)

func memoryIdle() Row {
	return Row{
		Name:    "memory-idle",
		Title:   "memory of the idle gateway with 20 HTTP backends",
		Measure: measureIdle,
	}
}

// settle is how long the gateway is left alone before it counts as idle.
const settle = 2 * time.Second

func measureIdle(ctx context.Context, l *Lab) (*table.Table, error) {
	out := &table.Table{Row: "memory-idle", Title: memoryIdle().Title, Columns: []string{"RSS MiB", "of which the main process", "processes", "PSS MiB"}}
	m, _, err := l.start(ctx, middle.OneMCP(l.OneMCP), l.http(20, plain(backend.Both)), backend.Legacy)
	if err != nil {
		return nil, err
	}
	defer m.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(settle):
	}
	u := m.Usage()
	figures := []table.Figure{mebibytes(u.RSS), mebibytes(u.Main), table.Figure(u.Processes), mebibytes(u.Shared)}
	for i := range figures {
		figures[i] = known(u, figures[i])
	}
	out.Lines = []table.Line{{Subject: ours, Figures: figures}}
	out.Notes = []string{"The second process guards children; it is the same program. PSS counts what processes share, the program above all, once."}
	out.Goals = []table.Goal{{What: "RSS of the main process in MiB", Value: known(u, mebibytes(u.Main)), Limit: 25, Most: true}}
	return out, nil
}

// known is the figure, or Unknown when the usage is.
func known(u middle.Usage, f table.Figure) table.Figure {
	if !u.Known {
		return table.Unknown()
	}
	return f
}

// held measures memory from a first to a last number of things, so that what is there anyway does
// not count. From a low first number the figure is never too small: the room that the garbage
// collector leaves above what lives grows in between, and counts.
type held struct {
	first, last int
	open        func(n int) error // makes n more of them
}

// each returns the memory of one in KiB.
func (h held) each(m *middle.Running) (table.Figure, error) {
	if err := h.open(h.first); err != nil {
		return 0, err
	}
	before := m.Usage()
	if err := h.open(h.last - h.first); err != nil {
		return 0, err
	}
	after := m.Usage()
	return known(after, kibibytes(after.RSS-before.RSS)/table.Figure(h.last-h.first)), nil
}

func memorySessions() Row {
	const name, title = "memory-sessions", "memory of an idle legacy session, of 25,000, with all that the collector leaves for later"
	return Row{Name: name, Title: title, Measure: func(ctx context.Context, l *Lab) (*table.Table, error) {
		m, _, err := l.start(ctx, middle.OneMCP(l.OneMCP), l.http(1, plain(backend.Both)), backend.Legacy)
		if err != nil {
			return nil, err
		}
		defer m.Stop()
		each, err := held{first: 1, last: l.large(25_000), open: func(n int) error {
			_, err := openSessions(ctx, m.URL, n)
			return err
		}}.each(m)
		if err != nil {
			return nil, err
		}
		return &table.Table{
			Row: name, Title: title, Columns: []string{"KiB/session"},
			Lines: []table.Line{{Subject: ours, Figures: []table.Figure{each}}},
			Goals: []table.Goal{{What: "KiB for a session", Value: each, Limit: 4, Most: true}},
		}, nil
	}}
}

func memoryStreams() Row {
	const name, title = "memory-streams", "memory of an open GET stream, from the 200th to the 2,000th"
	return Row{Name: name, Title: title, Measure: func(ctx context.Context, l *Lab) (*table.Table, error) {
		out := &table.Table{Row: name, Title: title, Columns: []string{"KiB/stream"}}
		found := map[string]table.Figure{}
		for _, kind := range []middle.Kind{middle.Bare(l.Self), middle.OneMCP(l.OneMCP)} {
			l.Progress("%s: %s", name, kind.Name)
			each, err := l.streams(ctx, kind)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", name, kind.Name, err)
			}
			found[kind.Name] = each
			out.Lines = append(out.Lines, table.Line{Subject: kind.Name, Figures: []table.Figure{each}})
		}
		out.Goals = []table.Goal{{What: "KiB more than a bare handler, session included", Value: found[ours] - found[bare], Limit: 8, Most: true}}
		return out, nil
	}}
}

// streams returns the memory of a stream that somebody holds open.
func (l *Lab) streams(ctx context.Context, kind middle.Kind) (table.Figure, error) {
	m, _, err := l.start(ctx, kind, l.http(1, plain(backend.Both)), backend.Legacy)
	if err != nil {
		return 0, err
	}
	defer m.Stop()
	var open []*load.Client
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	return held{first: l.large(200), last: l.large(2000), open: func(n int) error {
		crowd, err := load.Crowd(backend.Legacy, n, m.URL)
		open = append(open, crowd...)
		for _, c := range crowd {
			if err := c.Stream(); err != nil {
				return err
			}
		}
		return err
	}}.each(m)
}

const (
	abandonIdle   = time.Second     // sessionIdleTimeout
	abandonWait   = 3 * time.Second // by when a session that was idle for that long must be gone
	abandonRounds = 4
)

func memoryAbandoned() Row {
	const name = "memory-abandoned"
	const title = "5,000 sessions abandoned and expired, again and again (sessionIdleTimeout 1 s)"
	return Row{Name: name, Title: title, Measure: func(ctx context.Context, l *Lab) (*table.Table, error) {
		setup := l.http(1, plain(backend.Both))
		setup.OneMCP = fmt.Sprintf(`"sessionIdleTimeout": %d, `, abandonIdle.Milliseconds())
		m, _, err := l.start(ctx, middle.OneMCP(l.OneMCP), setup, backend.Legacy)
		if err != nil {
			return nil, err
		}
		defer m.Stop()
		out := &table.Table{Row: name, Title: title, Columns: []string{"sessions", "of which alive after expiry", "RSS MiB"}}
		rounds := abandonRounds
		if l.Scale > 1 {
			rounds = 1
		}
		for round := range rounds {
			l.Progress("%s: round %d", name, round+1)
			line, err := l.abandon(ctx, m, fmt.Sprintf("round %d", round+1))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			out.Lines = append(out.Lines, line)
		}
		first, last := out.Lines[0].Figures, out.Lines[rounds-1].Figures
		out.Goals = []table.Goal{
			{What: "sessions alive after the expiry", Value: last[1], Limit: 0, Most: true},
			{What: "RSS of the last round to that of the first", Value: last[2] / first[2], Limit: 1.25, Most: true},
		}
		return out, nil
	}}
}

// abandon opens sessions, waits until they must have expired, and counts those that still answer.
func (l *Lab) abandon(ctx context.Context, m *middle.Running, label string) (table.Line, error) {
	ids, err := openSessions(ctx, m.URL, l.large(5000))
	if err != nil {
		return table.Line{}, err
	}
	select {
	case <-ctx.Done():
		return table.Line{}, ctx.Err()
	case <-time.After(abandonWait):
	}
	u := m.Usage()
	alive, err := countAlive(m.URL, ids)
	return table.Line{Subject: label, Figures: []table.Figure{table.Figure(len(ids)), table.Figure(alive), known(u, mebibytes(u.RSS))}}, err
}

// countAlive returns how many sessions are not answered with 404.
func countAlive(url string, ids []string) (int, error) {
	c, err := load.Dial(backend.Legacy, 0, url)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	alive := 0
	for _, id := range ids {
		c.Resume(id)
		status, err := c.Ping()
		if err != nil {
			return alive, err
		}
		if status != 404 {
			alive++
		}
	}
	return alive, nil
}
