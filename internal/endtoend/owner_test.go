package endtoend_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

const (
	persons        = 50
	workers        = 2 // of one person at a time
	callsPerWorker = 12
	endless        = 1 << 20
)

// crowd are backends of all kinds. On those that attribute by stream, a log message names its call; on the others
// it may come with another call of the same client.
var crowd = []struct {
	name     string
	byStream bool
	make     func(*testing.T, string) gateway.Spec
}{
	{"stdio-both", false, func(t *testing.T, name string) gateway.Spec {
		return overStdio(t, name, upstreamtest.Script{Hush: true})
	}},
	{"stdio-legacy", false, func(t *testing.T, name string) gateway.Spec {
		return overStdio(t, name, upstreamtest.Script{Eras: legacyOnly})
	}},
	{"stdio-modern", false, func(t *testing.T, name string) gateway.Spec {
		return overStdio(t, name, upstreamtest.Script{Eras: modernOnly, Hush: true})
	}},
	{"http-both", true, func(t *testing.T, name string) gateway.Spec {
		return overHTTP(t, name, upstreamtest.Script{Hush: true})
	}},
	{"http-legacy", true, func(t *testing.T, name string) gateway.Spec {
		s := overHTTP(t, name, upstreamtest.Script{Eras: legacyOnly, Offers: crowdOffers})
		s.Isolation = gateway.Shared
		return s
	}},
	{"http-modern", true, func(t *testing.T, name string) gateway.Spec {
		return overHTTP(t, name, upstreamtest.Script{Eras: modernOnly, Hush: true})
	}},
	{"sse", false, func(t *testing.T, name string) gateway.Spec { return overSSE(t, name, upstreamtest.Script{}) }},
}

// TestEveryMessageComesBackToItsOwner: many clients of all kinds call backends of all kinds at the same time, with the same
// ids and tokens, are asked back, and listen. Whatever the backends send names whose it is.
func TestEveryMessageComesBackToItsOwner(t *testing.T) {
	t.Parallel()
	var s gateway.Setup
	for _, b := range crowd {
		s.Backends = append(s.Backends, b.make(t, b.name))
	}
	s.Backends = append(s.Backends, exampleOf(t, asker, mcp.Modern))
	r := start(t, s)
	r.ready()
	defer r.gossip().Wait()
	var people sync.WaitGroup
	total := new(count)
	for i := range persons {
		p := newPerson(r, fmt.Sprintf("p%02d/", i), i)
		for w := range workers {
			people.Go(func() {
				luck := rand.New(rand.NewPCG(uint64(i), uint64(w)))
				for range callsPerWorker {
					if err := p.live(luck, total); err != nil {
						t.Errorf("%s: %v", p.tag, err)
						return
					}
				}
			})
		}
	}
	people.Wait()
	t.Logf("%d calls, %d of them cancelled, %d questions, %d progress and %d log messages", total.calls.Load(), total.cancelled.Load(), total.asked.Load(), total.progress.Load(), total.logs.Load())
	if total.cancelled.Load() == 0 || total.asked.Load() == 0 || total.progress.Load() == 0 || total.logs.Load() == 0 {
		t.Error("that was no test")
	}
}

// count is what happened.
type count struct{ calls, cancelled, asked, progress, logs atomic.Int64 }

// wire is one way to call a backend.
type wire interface {
	// begin sends a tools/call and returns what comes for it.
	begin(ctx context.Context, id string, body []byte) (messages, error)
	// cancel gives up a call.
	cancel(id string) error
	// respond answers a question.
	respond(body []byte) error
	// tool writes a tools/call.
	tool(id, name, args, meta string) []byte
	// request writes a request.
	request(id, method, params, meta string) []byte
}

// messages are those of one call.
type messages interface {
	next() ([]byte, error)
	close()
}

// person is a client that has several calls in flight. All that is meant for it holds its tag.
type person struct {
	tag    string
	era    mcp.Era
	wires  []wire // by backend
	prefix bool   // the tools' names have the backend's name in front
	last   atomic.Int64
}

// newPerson makes the i-th person: streamable legacy, old and modern ones, on the merged endpoint and on those of the backends.
func newPerson(r *rig, tag string, i int) *person {
	p := &person{tag: tag, era: mcp.Legacy, prefix: i%2 == 0}
	if i%3 == 0 {
		p.era = mcp.Modern
	}
	old := i%3 == 1
	var one wire
	for b := range len(crowd) + 1 {
		path := "/servers/" + backendName(b)
		if p.prefix {
			path = ""
		}
		switch {
		case p.prefix && one != nil:
		case old:
			one = newOldClient(r, "/sse"+path, p)
		default:
			one = newPosting(r, p.era, "/mcp"+path)
		}
		p.wires = append(p.wires, one)
	}
	return p
}

func backendName(b int) string {
	if b == len(crowd) {
		return asker
	}
	return crowd[b].name
}

// live makes one call of some kind at some backend.
func (p *person) live(luck *rand.Rand, total *count) error {
	if luck.IntN(4) == 0 {
		return p.liveAsked(luck, total)
	}
	b := luck.IntN(len(crowd))
	n := p.last.Add(1)
	c := &conversation{p: p, wire: p.wires[b], backend: crowd[b].name, total: total, tag: fmt.Sprintf("%s%d.", p.tag, n), wanted: 1 + luck.IntN(3)}
	c.strict = crowd[b].byStream || p.era == mcp.Modern
	_, posts := c.wire.(*posting)
	c.complete = posts && crowd[b].byStream && (p.era == mcp.Modern || c.backend != "http-modern") // a modern backend logs if it is told to
	c.id, c.token = fmt.Sprint(n), fmt.Sprintf(`"%d"`, n)
	if n%2 == 0 {
		c.id, c.token = c.token, c.id
	}
	if luck.IntN(6) == 0 {
		c.wanted = endless
	}
	total.calls.Add(1)
	if err := c.hold(); err != nil {
		return fmt.Errorf("call %s at %s: %w", c.tag, c.backend, err)
	}
	return nil
}

// conversation is one call.
type conversation struct {
	p                       *person
	wire                    wire
	backend, tag, id, token string
	wanted                  int  // reports of progress; endless: the call is to be cancelled
	strict                  bool // a log message must be of this very call
	complete                bool // all its log messages must come
	total                   *count
	progress, logs          int
}

func (c *conversation) name(tool string) string {
	if c.p.prefix {
		return c.backend + "_1mcp_" + tool
	}
	return tool
}

func (c *conversation) hold() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	args := fmt.Sprintf(`{"text":%q,"n":%d}`, c.tag, c.wanted)
	in, err := c.wire.begin(ctx, c.id, c.wire.tool(c.id, c.name("chatter"), args, `"progressToken":`+c.token))
	if err != nil {
		return err
	}
	defer in.close()
	for c.wanted < endless || c.progress == 0 {
		msg, err := in.next()
		if err != nil {
			return err
		}
		if final, err := c.take(msg); final || err != nil {
			return err
		}
	}
	return c.giveUp(ctx, in)
}

// take checks a message that came for this call.
func (c *conversation) take(msg []byte) (final bool, err error) {
	m, err := mcp.Scan(msg)
	if err != nil {
		return false, err
	}
	switch {
	case m.Method == mcp.NoteProgress:
		c.progress++
		c.total.progress.Add(1)
		want := fmt.Sprintf(`{"progressToken":%s,"progress":%d,"message":%q}`, c.token, c.progress, c.tag)
		if got := string(m.Bytes(m.Params)); got != want {
			err = fmt.Errorf("progress %s, wanted %s", got, want)
		}
		return false, err
	case m.Method == mcp.NoteMessage:
		c.logs++
		c.total.logs.Add(1)
		return false, c.checkLog(&m)
	}
	want := fmt.Sprintf(`%q`, c.tag)
	if got := string(upstreamtest.Structured(&m)); m.Kind != mcp.Result || string(m.IDBytes()) != c.id || got != want {
		return true, fmt.Errorf("answer %s", msg)
	}
	if c.progress != c.wanted {
		return true, fmt.Errorf("%d reports of progress before the answer, wanted %d", c.progress, c.wanted)
	}
	if c.complete && c.logs != c.wanted {
		return true, fmt.Errorf("%d log messages before the answer, wanted %d", c.logs, c.wanted)
	}
	return true, nil
}

func (c *conversation) checkLog(m *mcp.Message) error {
	text, _ := mcp.Unquote(mcp.Member(m.Bytes(m.Params), "data"))
	if text != c.tag && (c.strict || !strings.HasPrefix(text, c.p.tag)) {
		return fmt.Errorf("log message %s", m.Raw)
	}
	return nil
}

// giveUp cancels the call. No answer may come, and the backend must be told.
func (c *conversation) giveUp(ctx context.Context, in messages) error {
	c.total.cancelled.Add(1)
	if c.p.era == mcp.Modern {
		in.close()
	} else if err := c.drainCancelled(in); err != nil {
		return err
	}
	n := c.p.last.Add(1)
	id := fmt.Sprint(n)
	seen, err := c.wire.begin(ctx, id, c.wire.tool(id, c.name("await"), fmt.Sprintf(`{"text":"cancelled: %s"}`, c.tag), ""))
	if err != nil {
		return err
	}
	defer seen.close()
	for {
		msg, err := seen.next()
		if err != nil {
			return fmt.Errorf("after the cancel: %w", err)
		}
		m, err := mcp.Scan(msg)
		if err != nil || m.Kind == mcp.Result {
			return err
		}
		if m.Method != mcp.NoteMessage || c.checkOwn(&m) != nil {
			return fmt.Errorf("beside the question what the backend was told: %s", msg)
		}
	}
}

// checkOwn is checkLog for a message that comes with another call.
func (c *conversation) checkOwn(m *mcp.Message) error {
	lax := *c
	lax.strict = false
	return lax.checkLog(m)
}

func (c *conversation) drainCancelled(in messages) error {
	if err := c.wire.cancel(c.id); err != nil {
		return err
	}
	for {
		msg, err := in.next()
		if err != nil {
			return ended(err)
		}
		if final, err := c.take(msg); final || err != nil {
			return fmt.Errorf("after the cancel: %s, %w", msg, err)
		}
	}
}
