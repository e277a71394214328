package rows

import (
	"fmt"
	"slices"
	"strings"

	"onemcp/bench/table"
)

// goal is a limit on the ratio of two subjects' figures, at each number of clients that it names. Among a race's
// notes it has no limit.
type goal struct {
	what    string
	figure  func(lap) table.Figure
	of      string // label of a subject
	than    string // label of the one it is compared with; empty: the figure itself is limited
	less    string // when set, the figure of this one is taken away from both first
	added   bool   // what is added to the figure of the other, not the ratio
	limit   table.Figure
	most    bool
	clients []int // nil: all that the row has
}

// laps are the medians by subject and number of clients.
type laps map[string]map[int]lap

// evaluate holds the goal against what was measured.
func (g goal) evaluate(found laps, clients []int) []table.Goal {
	var out []table.Goal
	for _, n := range clients {
		if g.clients != nil && !slices.Contains(g.clients, n) {
			continue
		}
		value, ok := g.ratio(found, n)
		if !ok {
			continue // one of them did not run
		}
		out = append(out, table.Goal{What: fmt.Sprintf("%s, c=%d", g.what, n), Value: value, Limit: g.limit, Most: g.most})
	}
	return out
}

func (g goal) ratio(found laps, clients int) (table.Figure, bool) {
	of, ok := found[g.of][clients]
	if g.than == "" {
		return g.figure(of), ok
	}
	than, beside := found[g.than][clients]
	if !ok || !beside {
		return 0, false
	}
	less := table.Figure(0)
	if g.less != "" {
		base, ok := found[g.less][clients]
		if !ok {
			return 0, false
		}
		less = g.figure(base)
	}
	if g.added {
		return g.figure(of) - g.figure(than), true
	}
	return (g.figure(of) - less) / (g.figure(than) - less), true
}

// columns of a race's table.
func (r race) columns() []string {
	return []string{"clients", "calls/s", "× " + r.reference, "CPU µs/call", "× " + r.reference, "p50 µs", "p99 µs", "RSS MiB", "+ KiB/client"}
}

func (r race) table(runners []*runner, clients []int) *table.Table {
	out := &table.Table{Row: r.name, Title: r.title, Columns: r.columns()}
	found := laps{}
	for _, x := range runners {
		found[x.label] = map[int]lap{}
		for _, n := range clients {
			found[x.label][n] = x.median(n)
		}
	}
	for _, n := range clients {
		for _, x := range runners {
			out.Lines = append(out.Lines, line(x.label, n, found[x.label][n], found[r.reference]))
		}
	}
	for _, g := range r.goals {
		out.Goals = append(out.Goals, g.evaluate(found, clients)...)
	}
	for _, g := range r.notes {
		for _, n := range g.evaluate(found, clients) {
			out.Notes = append(out.Notes, fmt.Sprintf("%s: %v", n.What, n.Value))
		}
	}
	out.Notes = append(out.Notes, doubts(found, clients)...)
	return out
}

func line(label string, clients int, l lap, reference map[int]lap) table.Line {
	rate, cost := table.Unknown(), table.Unknown()
	if ref, ok := reference[clients]; ok {
		rate, cost = l.perSecond/ref.perSecond, l.cpu/ref.cpu
	}
	return table.Line{Subject: label, Figures: []table.Figure{table.Figure(clients), l.perSecond, rate, l.cpu, cost, l.p50, l.p99, l.rss, l.each}}
}

// headroom is how many times faster than what is measured the load and the backend must be.
const headroom = 2

// doubts says where the load and the backend, and not the middle, may have set the pace. Then the
// rate says too little in favour of the middle; the processor time of a call is right all the same.
func doubts(found laps, clients []int) []string {
	var out []string
	for _, n := range clients {
		base := alone(found, n)
		for label, at := range found {
			if strings.HasPrefix(label, direct) || label == bare {
				continue
			}
			if times := base / at[n].perSecond; times < headroom {
				out = append(out, fmt.Sprintf("c=%d: direct is only %v times as fast as %s, so load and backend bound its calls/s too; trust its CPU", n, times, label))
			}
		}
	}
	slices.Sort(out)
	return out
}

// alone is the least that load and backend reach with nothing in the middle; Unknown when that was
// not measured.
func alone(found laps, clients int) table.Figure {
	least := table.Unknown()
	for label, at := range found {
		if rate := at[clients].perSecond; isAlone(label) && !(rate >= least) {
			least = rate
		}
	}
	return least
}

// isAlone is false for a control: that bounds only what is in front of as many backends.
func isAlone(label string) bool { return label == direct || label == directPipes }
