package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/bench/backend"
)

// patience is how long an answer may take.
const patience = 30 * time.Second

// Result is what a run counted.
type Result struct {
	Calls   int
	Elapsed time.Duration
	Latency Histogram
}

// PerSecond is the rate of calls.
func (r *Result) PerSecond() float64 { return float64(r.Calls) / r.Elapsed.Seconds() }

// add counts what a part of the run counted.
func (r *Result) add(part *Result) {
	r.Calls += part.Calls
	r.Latency.Merge(&part.Latency)
}

// idsApart is far more than the calls of one client, so that ids are unique among all of them.
const idsApart = 1_000_000_000

// Crowd opens n clients of one or more endpoints on one host, each with sessions of its own where the era
// has sessions.
func Crowd(era backend.Era, n int, endpoints ...string) ([]*Client, error) {
	var crowd []*Client
	for i := range n {
		c, err := Dial(era, int64(i)*idsApart, endpoints...)
		if err == nil {
			crowd = append(crowd, c)
			if err = c.Deadline(time.Now().Add(patience * time.Duration(len(endpoints)))); err == nil {
				err = c.Open()
			}
		}
		if err != nil {
			Disperse(crowd)
			return nil, fmt.Errorf("client %d: %w", i, err)
		}
	}
	return crowd, nil
}

// Disperse ends the sessions and connections of all clients.
func Disperse(crowd []*Client) {
	for _, c := range crowd {
		_ = c.End() // the connection may have failed already
		c.Close()
	}
}

// Run lets all clients do the job in a closed loop for a time. The first error ends it.
func Run(ctx context.Context, crowd []*Client, job Job, length time.Duration) (*Result, error) {
	return (&loop{job: job, until: time.Now().Add(length)}).run(ctx, crowd)
}

// Warm is a Run in which each client does the job a number of times at least, even when that takes longer.
// What is done at the first time only, such as to open a session with a backend, is done then.
func Warm(ctx context.Context, crowd []*Client, job Job, length time.Duration, times int) error {
	_, err := (&loop{job: job, until: time.Now().Add(length), least: times}).run(ctx, crowd)
	return err
}

type loop struct {
	job   Job
	until time.Time
	least int // jobs of each client, whatever the time
	err   atomic.Pointer[error]
}

func (l *loop) run(ctx context.Context, crowd []*Client) (*Result, error) {
	stop := context.AfterFunc(ctx, func() { l.fail(context.Cause(ctx)) })
	defer stop()
	results := make([]Result, len(crowd))
	var workers sync.WaitGroup
	began := time.Now()
	for i, c := range crowd {
		workers.Go(func() { l.work(c, &results[i]) })
	}
	workers.Wait()
	total := &Result{Elapsed: time.Since(began)}
	for i := range results {
		total.add(&results[i])
	}
	if err := l.err.Load(); err != nil {
		return total, *err
	}
	return total, nil
}

func (l *loop) fail(err error) { l.err.CompareAndSwap(nil, &err) }

func (l *loop) work(c *Client, into *Result) {
	if err := c.Deadline(l.until.Add(patience * time.Duration(1+l.least))); err != nil {
		l.fail(err)
		return
	}
	for began := time.Now(); l.goesOn(began, into.Calls); {
		if err := l.job(c); err != nil {
			l.fail(err)
			return
		}
		ended := time.Now()
		into.Latency.Add(ended.Sub(began))
		into.Calls++
		began = ended
	}
}

func (l *loop) goesOn(now time.Time, calls int) bool {
	return (calls < l.least || now.Before(l.until)) && l.err.Load() == nil
}
