package rows

import (
	"context"
	"fmt"
	"os"
	"time"

	"onemcp/bench/backend"
	"onemcp/bench/middle"
	"onemcp/bench/table"
)

func startListen() Row {
	const name, title = "start-listen", "from the start of the process to the open listener, 20 stdio backends"
	return Row{Name: name, Title: title, Measure: func(_ context.Context, l *Lab) (*table.Table, error) {
		var all []table.Figure
		for range 2*l.Rounds + 1 {
			took, err := l.listens(l.stdio(20, plain(backend.Both)))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, millis(took))
		}
		middle := table.Median(all)
		return &table.Table{
			Row: name, Title: title, Columns: []string{"ms"},
			Lines: []table.Line{{Subject: ours, Figures: []table.Figure{middle}}},
			Goals: []table.Goal{{What: "ms until it listens", Value: middle, Limit: 30, Most: true}},
		}, nil
	}}
}

func millis(d time.Duration) table.Figure { return micros(d) / 1000 }

// listens starts the gateway and returns how long it took until it said that it listens.
func (l *Lab) listens(s middle.Setup) (time.Duration, error) {
	dir, err := os.MkdirTemp(l.Dir, "start-")
	if err != nil {
		return 0, err
	}
	s.Dir = dir
	began := time.Now()
	m, err := middle.OneMCP(l.OneMCP).Start(s)
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	m.Stop()
	return took, nil
}

// slowest is how long the slowest backend takes to start, as one does that comes by npx.
const slowest = time.Second

func startReady() Row {
	const name, title = "start-ready", "from the start to the list of all tools: 20 stdio backends that need 50 ms to 1 s, beside the slowest alone"
	return Row{Name: name, Title: title, Measure: func(ctx context.Context, l *Lab) (*table.Table, error) {
		out := &table.Table{Row: name, Title: title, Columns: []string{"ms"}}
		many := l.stdio(20, plain(backend.Both))
		for i := range many.Backends {
			many.Backends[i].Command = append(many.Backends[i].Command, "-delay", (slowest * time.Duration(i+1) / 20).String())
		}
		alone := many
		alone.Backends = many.Backends[19:]
		for _, s := range []struct {
			label string
			setup middle.Setup
		}{{"the slowest alone", alone}, {"20 backends", many}, {"20 backends that start at once", l.stdio(20, plain(backend.Both))}} {
			l.Progress("%s: %s", name, s.label)
			took, err := l.readies(ctx, s.setup)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", name, s.label, err)
			}
			out.Lines = append(out.Lines, table.Line{Subject: s.label, Figures: []table.Figure{took}})
		}
		ratio := out.Lines[1].Figures[0] / out.Lines[0].Figures[0]
		out.Goals = []table.Goal{{What: "time of the slowest alone", Value: ratio, Limit: 1.1, Most: true}}
		return out, nil
	}}
}

// readies returns how many milliseconds it took until all tools were listed, the median of the rounds.
func (l *Lab) readies(ctx context.Context, s middle.Setup) (table.Figure, error) {
	var all []table.Figure
	for range l.Rounds {
		began := time.Now()
		m, _, err := l.start(ctx, middle.OneMCP(l.OneMCP), s, backend.Legacy)
		if err != nil {
			return 0, err
		}
		all = append(all, millis(time.Since(began)))
		m.Stop()
	}
	return table.Median(all), nil
}
