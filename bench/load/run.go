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

// idsApart is far more than the calls of one client, so that ids are unique among all of them.
const idsApart = 1_000_000_000

// Crowd opens n clients, each with a session of its own where the era has sessions.
func Crowd(endpoint string, era backend.Era, n int) ([]*Client, error) {
	var crowd []*Client
	for i := range n {
		c, err := Dial(endpoint, era, int64(i)*idsApart)
		if err == nil {
			crowd = append(crowd, c)
			if err = c.Deadline(time.Now().Add(patience)); err == nil {
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
	loop := &loop{job: job, until: time.Now().Add(length)}
	stop := context.AfterFunc(ctx, func() { loop.fail(context.Cause(ctx)) })
	defer stop()
	results := make([]Result, len(crowd))
	var workers sync.WaitGroup
	began := time.Now()
	for i, c := range crowd {
		workers.Go(func() { loop.work(c, &results[i]) })
	}
	workers.Wait()
	total := &Result{Elapsed: time.Since(began)}
	for i := range results {
		total.Calls += results[i].Calls
		total.Latency.Merge(&results[i].Latency)
	}
	if err := loop.err.Load(); err != nil {
		return total, *err
	}
	return total, nil
}

type loop struct {
	job   Job
	until time.Time
	err   atomic.Pointer[error]
}

func (l *loop) fail(err error) { l.err.CompareAndSwap(nil, &err) }

func (l *loop) work(c *Client, into *Result) {
	if err := c.Deadline(l.until.Add(patience)); err != nil {
		l.fail(err)
		return
	}
	for began := time.Now(); began.Before(l.until) && l.err.Load() == nil; {
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
