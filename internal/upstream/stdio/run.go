package stdio

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/peer"
	"onemcp/internal/upstream"
)

// drainTime bounds how long the output of a process that has ended is read on: a program that left
// its group may hold the pipes for ever.
const drainTime = time.Second

// exitTime is how long calls wait to be told how a process ended whose output has: that comes first.
const exitTime = 100 * time.Millisecond

// Run implements upstream.Conn.
//
// Some servers end at, or are spoiled by, a server/discover that they do not know, and some
// answer it only after initialize. Both get a second process, which is opened in the era that is left.
func (c *conn) Run(ctx context.Context, ready func(upstream.Info)) error {
	opened := false
	onReady := func(i upstream.Info) {
		opened = true
		ready(i)
	}
	o := c.opening
	err := c.serve(ctx, o, onReady)
	started := c.peer.Load() != nil
	switch {
	case o.Era != mcp.NoEra || opened || !started || ctx.Err() != nil:
		return err
	case errors.Is(err, upstream.LateProbe{}):
		o.Era = mcp.Modern
	case fault.KindOf(err) == fault.Unavailable:
		o.Era = mcp.Legacy
	default:
		return err
	}
	c.o.Log.Debug("starting the backend again for another opening", "era", o.Era.String(), "error", err)
	return c.serve(ctx, o, onReady)
}

// serve runs one process from its start to its end.
func (c *conn) serve(ctx context.Context, o upstream.Opening, ready func(upstream.Info)) error {
	proc, err := start(c.o)
	if err != nil {
		return err
	}
	var work sync.WaitGroup
	stderr := &tail{log: c.o.Log}
	logged := make(chan struct{})
	work.Go(func() {
		defer close(logged)
		stderr.read(proc.stderr)
	})

	life, quit := context.WithCancel(context.WithoutCancel(ctx))
	defer quit()
	pipe, _ := proc.stdin.SyscallConn() // fails for a closed file only
	p := peer.New(proc.stdout, proc.stdin, c.up, peer.Options{
		Pipe: pipe, Name: c.o.Name, MaxMessage: c.o.MaxMessage, Log: c.o.Log, Trace: c.tracing(proc.cmd.Process.Pid),
		Ending: func() string {
			await(proc.exited, exitTime)
			return proc.end()
		},
	})
	read := make(chan struct{})
	work.Go(func() {
		defer close(read)
		_ = p.Run(life)
	})
	c.peer.Store(p)

	opened, err := c.converse(ctx, o, p, proc, ready)
	exited := closed(proc.exited)
	gone := exited || closed(p.Done())
	if exited {
		proc.kill()
	}
	if !gone { // else what it has written, or still writes, counts
		quit()
	}
	alone := proc.stop(c.o.Grace)
	await(read, drainTime)
	quit()
	await(logged, drainTime)
	proc.closePipes()
	work.Wait()
	return c.verdict(ctx, verdict{err: err, opened: opened, gone: gone, alone: alone, state: proc.end(), stderr: stderr.last()})
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// converse opens the connection and waits until it is to end, or has.
func (c *conn) converse(ctx context.Context, o upstream.Opening, p *peer.Peer, proc *process, ready func(upstream.Info)) (opened bool, err error) {
	info, err := upstream.Handshake(ctx, c, o)
	if err != nil {
		return false, err
	}
	ready(info)
	select {
	case <-ctx.Done():
	case <-proc.exited:
	case <-p.Done():
	}
	return true, nil
}

func await(done <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// A verdict is all that is known when a process has ended.
type verdict struct {
	err    error  // of the opening
	opened bool   // the opening had succeeded
	gone   bool   // it ended, or closed a pipe, before we ended it
	alone  bool   // it needed no signal to end
	state  string // how it ended, as a phrase
	stderr string // its last lines
}

// verdict decides what Run says about the end of a process.
func (c *conn) verdict(ctx context.Context, v verdict) error {
	if ctx.Err() != nil {
		return nil
	}
	if errors.Is(v.err, upstream.LateProbe{}) {
		return v.err
	}
	cause := v.err
	if v.stderr != "" {
		cause = errors.Join(v.err, fmt.Errorf("its last lines on stderr: %s", v.stderr))
	}
	if v.gone {
		return c.ending(v).WithHint("what it wrote to stderr is in the log").WithCause(cause)
	}
	if e, ok := errors.AsType[*fault.Error](v.err); ok {
		return e.WithCause(errors.Join(e.Cause, cause))
	}
	return fault.New(fault.Unavailable, "backend %q could not be opened", c.o.Name).WithCause(cause)
}

// ending says how a process ended that was not told to.
func (c *conn) ending(v verdict) *fault.Error {
	how := v.state
	if !v.alone {
		how = "closed its standard input or output"
	}
	if !v.opened {
		how += " before it was ready"
	}
	return fault.New(fault.Unavailable, "backend %q %s", c.o.Name, how)
}
