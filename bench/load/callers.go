package load

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"onemcp/bench/backend"
	"onemcp/bench/scan"
)

// callers are those who call over pipes. Ids go round among them.
type callers struct {
	each    []caller
	servers int
	until   time.Time
	calling atomic.Int64 // those who have not gone
	end     func()       // ends what the servers read
	first   atomic.Pointer[error]
}

// caller has one call in flight. Whoever asks for it hands over to whoever reads the answer.
type caller struct {
	began time.Time
	want  atomic.Int64 // id in flight; 0: none
}

func newCallers(n, servers int, until time.Time, end func()) *callers {
	c := &callers{each: make([]caller, n), servers: servers, until: until, end: end}
	c.calling.Store(int64(n))
	return c
}

// of is the caller whose call an id is.
func (c *callers) of(id int64) *caller { return &c.each[(id-1)%int64(len(c.each))] }

// server is the one that is asked with an id: each as often as another, in no order.
func (c *callers) server(id int64) int {
	return int(rand.NewPCG(uint64(id), 0).Uint64() % uint64(c.servers))
}

func (c *callers) gone() bool { return c.calling.Load() == 0 }

func (c *callers) fail(err error) {
	c.first.CompareAndSwap(nil, &err)
	c.end()
}

// err is the first error.
func (c *callers) err() error {
	if err := c.first.Load(); err != nil {
		return *err
	}
	return nil
}

// askAll asks the first question of each caller.
func (r *reader) askAll(now time.Time) {
	for i := range r.callers.each {
		r.ask(int64(i+1), now)
	}
}

// ask puts a call among those that go out next.
func (r *reader) ask(id int64, now time.Time) {
	r.text = unique(r.text[:0], id, echoLength)
	to := r.callers.server(id)
	out := append(r.out[to], `{"jsonrpc":"2.0","id":`...)
	out = strconv.AppendInt(out, id, 10)
	out = append(append(append(out, `,"method":"tools/call","params":{"name":"`+backend.Echo+`","arguments":{"text":"`...), r.text...), "\"}}}\n"...)
	r.out[to] = out
	c := r.callers.of(id)
	c.began = now
	c.want.Store(id)
}

// answer holds an answer against its question, and lets the caller ask the next one.
func (r *reader) answer(line []byte) error {
	all := r.callers
	id, err := strconv.ParseInt(string(scan.Member(line, "id")), 10, 64)
	if err != nil || id < 1 || all.server(id) != r.server || !all.of(id).want.CompareAndSwap(id, 0) {
		return fmt.Errorf("an answer that nobody waits for: %.200s", line)
	}
	result, err := check(line, id)
	if err != nil {
		return err
	}
	r.text = unique(r.text[:0], id, echoLength)
	if got := resultText(result); !bytes.Equal(got, r.text) {
		return fmt.Errorf("id %d: the text is %.100q, not %q", id, got, r.text)
	}
	now := time.Now()
	r.result.Latency.Add(now.Sub(all.of(id).began))
	r.result.Calls++
	if now.Before(all.until) {
		r.ask(id+int64(len(all.each)), now)
	} else if all.calling.Add(-1) == 0 {
		all.end()
	}
	return nil
}
