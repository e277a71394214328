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
	notes       []goal // how controls do what the goals ask of the gateway
}

// subject is one that runs in a race.
type subject struct {
	label string
	kind  middle.Kind
	setup middle.Setup
	era   backend.Era
	job   func(tools []string) load.Job

	// before, if set, runs once when the subject is ready.
	before func(ctx context.Context, url string) error
	// alone, if set, stands for everything: no middle is started. The processor time is the load's.
	alone func(ctx context.Context, clients int, length time.Duration) (lap, error)
}

// runner is a subject that is started.
type runner struct {
	subject
	middle *middle.Running
	run    load.Job
	idle   middle.Usage  // before any load
	rounds map[int][]lap // by number of clients
}

// lap is one measurement.
type lap struct {
	perSecond, cpu, p50, p99 table.Figure // times in microseconds
	rss                      table.Figure // after it, MiB
	each                     table.Figure // peak of memory above idle for each client, KiB
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
		if l.leavesOut(s.label) || s.alone == nil && !s.kind.Fits(s.setup) {
			continue
		}
		l.Progress("%s: start %s", r.name, s.label)
		x, err := l.ready(ctx, s)
		if err != nil {
			return runners, fmt.Errorf("%s: %s: %w", r.name, s.label, err)
		}
		runners = append(runners, x)
	}
	return runners, nil
}

// ready starts a subject.
func (l *Lab) ready(ctx context.Context, s subject) (*runner, error) {
	x := &runner{subject: s, middle: &middle.Running{}, rounds: map[int][]lap{}}
	if s.alone != nil {
		return x, nil
	}
	m, names, err := l.start(ctx, s.kind, s.setup, s.era)
	if err != nil {
		return nil, err
	}
	if s.before != nil {
		if err := s.before(ctx, m.URL); err != nil {
			m.Stop()
			return nil, err
		}
	}
	x.middle, x.run, x.idle = m, s.job(names), m.Usage()
	return x, nil
}

// warmShare is the part of a measurement's time that goes before it and does not count. It takes longer
// when not every client has called every backend by then, which is when its sessions there are opened.
const warmShare = 4

// lap puts the subject under load.
func (x *runner) lap(ctx context.Context, clients int, length time.Duration) (lap, error) {
	if x.alone != nil {
		return x.alone(ctx, clients, length)
	}
	crowd, err := load.Crowd(x.era, clients, x.middle.Endpoints()...)
	if err != nil {
		return lap{}, err
	}
	defer load.Disperse(crowd)
	if err := load.Warm(ctx, crowd, x.run, length/warmShare, len(x.setup.Backends)); err != nil {
		return lap{}, err
	}
	x.middle.Forget()
	before := x.middle.Usage()
	result, err := load.Run(ctx, crowd, x.run, length)
	if err != nil {
		return lap{}, err
	}
	out := summary(result)
	if after := x.middle.Usage(); before.Known && after.Known {
		out.cpu = perCall(after.CPU-before.CPU, result)
		out.rss = mebibytes(after.RSS)
		out.each = kibibytes(max(0, after.Peak-x.idle.RSS)) / table.Figure(clients)
	}
	return out, nil
}

// summary is what the load tells, without what the middle used.
func summary(r *load.Result) lap {
	return lap{
		perSecond: table.Figure(r.PerSecond()),
		p50:       micros(r.Latency.Quantile(0.50)),
		p99:       micros(r.Latency.Quantile(0.99)),
		cpu:       table.Unknown(),
		rss:       table.Unknown(),
		each:      table.Unknown(),
	}
}

func perCall(cpu time.Duration, r *load.Result) table.Figure {
	return micros(cpu) / table.Figure(r.Calls)
}

func micros(d time.Duration) table.Figure { return table.Figure(d.Nanoseconds()) / 1000 }

func kibibytes(n int64) table.Figure { return table.Figure(n) / (1 << 10) }

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
		rss:       column(rss),
		each:      column(each),
	}
}

func perSecond(l lap) table.Figure { return l.perSecond }
func cpu(l lap) table.Figure       { return l.cpu }
func p50(l lap) table.Figure       { return l.p50 }
func p99(l lap) table.Figure       { return l.p99 }
func rss(l lap) table.Figure       { return l.rss }
func each(l lap) table.Figure      { return l.each }
