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

// race lets subjects do the same under the same load in turns: A B C A B C.
type race struct {
	name, title string
	clients     []int
	subjects    func(*Lab) []subject
	reference   string // the subject that others are compared with
	goals       []goal
}

// subject is one that runs in a race.
type subject struct {
	label string
	kind  middle.Kind
	setup middle.Setup
	era   backend.Era
	job   func(tools []string) load.Job
}

// runner is a subject that is started.
type runner struct {
	subject
	middle *middle.Running
	run    load.Job
	rounds map[int][]lap // by number of clients
}

// lap is one measurement.
type lap struct {
	perSecond, cpu, p50, p99, rss table.Figure // times in microseconds, memory in MiB
}

func (r race) row() Row { return Row{Name: r.name, Title: r.title, Measure: r.measure} }

func (r race) measure(ctx context.Context, l *Lab) (*table.Table, error) {
	runners, err := r.start(ctx, l)
	defer func() {
		for _, x := range runners {
			x.middle.Stop()
		}
	}()
	if err != nil {
		return nil, err
	}
	clients := r.clients
	if l.Clients != nil {
		clients = l.Clients
	}
	for _, n := range clients {
		for round := range l.Rounds {
			for _, x := range runners {
				l.Progress("%s: %s, %d clients, round %d", r.name, x.label, n, round+1)
				lap, err := x.lap(ctx, n, l.Time)
				if err != nil {
					return nil, fmt.Errorf("%s: %s with %d clients: %w", r.name, x.label, n, err)
				}
				x.rounds[n] = append(x.rounds[n], lap)
			}
		}
	}
	return r.table(runners, clients), nil
}

func (r race) start(ctx context.Context, l *Lab) ([]*runner, error) {
	var runners []*runner
	for _, s := range r.subjects(l) {
		if !s.kind.Fits(s.setup) {
			continue
		}
		m, names, err := l.start(ctx, s.kind, s.setup, s.era)
		if err != nil {
			return runners, fmt.Errorf("%s: %w", r.name, err)
		}
		runners = append(runners, &runner{subject: s, middle: m, run: s.job(names), rounds: map[int][]lap{}})
	}
	return runners, nil
}

// warmShare is the part of a measurement's time that goes before it and does not count.
const warmShare = 4

// lap puts the subject under load.
func (x *runner) lap(ctx context.Context, clients int, length time.Duration) (lap, error) {
	crowd, err := load.Crowd(x.middle.URL, x.era, clients)
	if err != nil {
		return lap{}, err
	}
	defer load.Disperse(crowd)
	if _, err := load.Run(ctx, crowd, x.run, length/warmShare); err != nil {
		return lap{}, err
	}
	before := x.middle.Usage()
	result, err := load.Run(ctx, crowd, x.run, length)
	if err != nil {
		return lap{}, err
	}
	return summary(result, before, x.middle.Usage()), nil
}

func summary(r *load.Result, before, after middle.Usage) lap {
	out := lap{
		perSecond: table.Figure(r.PerSecond()),
		p50:       micros(r.Latency.Quantile(0.50)),
		p99:       micros(r.Latency.Quantile(0.99)),
		cpu:       table.Unknown(),
		rss:       table.Unknown(),
	}
	if before.Known && after.Known {
		out.cpu = micros(after.CPU-before.CPU) / table.Figure(r.Calls)
		out.rss = mebibytes(after.RSS)
	}
	return out
}

func micros(d time.Duration) table.Figure { return table.Figure(d.Nanoseconds()) / 1000 }

func mebibytes(n int64) table.Figure { return table.Figure(n) / (1 << 20) }

// median is the lap of the medians.
func (x *runner) median(clients int) lap {
	column := func(of func(lap) table.Figure) table.Figure {
		var all []table.Figure
		for _, l := range x.rounds[clients] {
			all = append(all, of(l))
		}
		return table.Median(all)
	}
	return lap{
		perSecond: column(perSecond),
		cpu:       column(cpu),
		p50:       column(p50),
		p99:       column(p99),
		rss:       column(func(l lap) table.Figure { return l.rss }),
	}
}

func perSecond(l lap) table.Figure { return l.perSecond }
func cpu(l lap) table.Figure       { return l.cpu }
func p50(l lap) table.Figure       { return l.p50 }
func p99(l lap) table.Figure       { return l.p99 }
