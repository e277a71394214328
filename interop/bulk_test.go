package interop_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"onemcp/interop/bulk"
	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

// A way is one of those in which the servers of package bulk answer.
type way struct {
	name string // of the backend: go or ts, and the path
	era  clients.Era
	kept bool // a stream that breaks can be taken up again
}

func ways() []way {
	return []way{
		{name: "go-legacy", era: clients.Legacy},
		{name: "go-legacy-json", era: clients.Legacy},
		{name: "go-legacy-kept", era: clients.Legacy, kept: true},
		{name: "go-modern", era: clients.Modern},
		{name: "go-modern-json", era: clients.Modern},
		{name: "ts-v1", era: clients.Legacy},
		{name: "ts-v1-json", era: clients.Legacy},
		{name: "ts-v1-kept", era: clients.Legacy, kept: true},
		{name: "ts-v2", era: clients.Modern},
		{name: "ts-v2-auto", era: clients.Modern},
		{name: "ts-v2-both", era: clients.Legacy},
	}
}

// lang and path are the parts of a way's name.
func (w way) lang() string { lang, _, _ := strings.Cut(w.name, "-"); return lang }
func (w way) path() string { _, path, _ := strings.Cut(w.name, "-"); return "/" + path }

// startBulk starts the server of a language.
func startBulk(t *testing.T, lang string) (server *harness.Child, addr string) {
	t.Helper()
	if lang == "go" {
		return bin.StartBulk(t)
	}
	return node.StartBulk(t)
}

// A tapped way has a tap before its server, which one call at a time may hold.
type tapped struct {
	way
	*harness.Tap
	sync.Mutex
}

// tapAll puts a tap before each way of the servers at these addresses, and returns the gateway's entries for them.
func tapAll(t *testing.T, all []way, addr map[string]string) (taps []*tapped, servers []harness.Server) {
	t.Helper()
	for _, w := range all {
		tap := &tapped{way: w, Tap: harness.StartTap(t, addr[w.lang()])}
		taps = append(taps, tap)
		servers = append(servers, harness.Server{Name: w.name, URL: "http://" + tap.Addr + w.path(), Protocol: string(w.era)})
	}
	return taps, servers
}

// startTapped starts a gateway before the ways, whose tools are all there.
func startTapped(t *testing.T, all []way, addr map[string]string) ([]*tapped, *harness.Gateway) {
	t.Helper()
	taps, servers := tapAll(t, all, addr)
	g := harness.StartGateway(t, bin.OneMCP, harness.Config{Servers: servers, Untraced: true})
	var prefixes []string
	for _, w := range all {
		prefixes = append(prefixes, w.name+separator)
	}
	awaitTools(t, clients.Target{URL: g.URL}, prefixes...)
	return taps, g
}

// A bulky is a call whose result is known.
type bulky struct {
	bulk.Args
	digest string
}

// Numbers of lines: a result of 2 MiB, and one of 8 MiB, which is more than sockets hold.
const (
	large = 8_000
	huge  = 30_000
)

func newBulky(seed string, lines, progress int) bulky {
	a := bulk.Args{Seed: seed, Lines: lines, Progress: progress}
	return bulky{a, clients.Digest(bulk.Result(a))}
}

// outcome is what a call has come to.
type outcome struct {
	clients.Result
	err error
}

func (b bulky) call(ctx context.Context, c clients.Client, prefix string) outcome {
	r, err := c.Call(ctx, prefix+bulk.Tool, map[string]any{"seed": b.Seed, "lines": b.Lines, "progress": b.Progress}, 0)
	return outcome{r, err}
}

// begin is call beside the test.
func (b bulky) begin(ctx context.Context, c clients.Client, prefix string) <-chan outcome {
	ended := make(chan outcome, 1)
	go func() { ended <- b.call(ctx, c, prefix) }()
	return ended
}

// isWhole wants every byte of the result.
func (b bulky) isWhole(t *testing.T, got outcome) {
	t.Helper()
	if got.err != nil || got.IsError || got.Digest != b.digest {
		t.Errorf("%s: the result is not what was made: %.100q of %d bytes, %v", b.Seed, got.Text, len(got.Text), got.err)
	}
}

func await(ctx context.Context, t *testing.T, fact <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-fact:
	case <-ctx.Done():
		t.Fatalf("%s: %v", what, ctx.Err())
	}
}

// TestDirectBulk proves the servers: each makes the result that is known.
func TestDirectBulk(t *testing.T) {
	t.Parallel()
	node.Need(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, inGo := startBulk(t, "go")
	_, inTS := startBulk(t, "ts")
	_, servers := tapAll(t, ways(), map[string]string{"go": inGo, "ts": inTS})
	for i, w := range ways() {
		b := newBulky("direct "+w.name, large/10, 2)
		b.isWhole(t, b.call(ctx, clients.Go(t, clients.Target{URL: servers[i].URL}, w.era), ""))
	}
}

// TestBulk: large results of every server come whole to every client, behind progress or alone, and while they come: the client
// has the beginning before the server has sent the rest, unless somebody may ask for all of it again. A stream that is kept may
// break in the middle.
func TestBulk(t *testing.T) {
	t.Parallel()
	node.Need(t)
	_, inGo := startBulk(t, "go")
	_, inTS := startBulk(t, "ts")
	taps, g := startTapped(t, ways(), map[string]string{"go": inGo, "ts": inTS})
	calls := []bulky{newBulky("alone", large, 0), newBulky("behind progress", large, 2)}
	eachClient(t, func(t *testing.T, open func(clients.Target) clients.Client) {
		front := harness.StartTap(t, hostOf(t, g.URL))
		c := open(clients.Target{URL: "http://" + front.Addr + "/mcp"})
		for _, w := range taps {
			t.Run(w.name, func(t *testing.T) {
				for _, b := range calls {
					w.passes(t, c, front, b, (*harness.Hold).Release)
					if w.kept {
						w.passes(t, c, front, b, (*harness.Hold).Cut)
					}
				}
			})
		}
	})
}

// passes holds a result in the middle until the client has as much of it as it may have, and then lets go.
func (w *tapped) passes(t *testing.T, c clients.Client, front *harness.Tap, b bulky, letGo func(*harness.Hold)) {
	t.Helper()
	w.Lock()
	defer w.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sent, came := w.Hold(1<<20), front.Hold(1<<18)
	came.Release()
	defer sent.Release()
	ended := b.begin(ctx, c, w.name+separator)
	await(ctx, t, sent.Reached, "the server has not sent half of its result")
	if w.pours(c, b) {
		await(ctx, t, came.Reached, "nothing comes of a result that is not whole")
	}
	letGo(sent)
	b.isWhole(t, <-ended)
}

// pours reports whether a client certainly has a part of a result by then: neither can the gateway ask the server for it again,
// nor the client the gateway, as it can where the answer of a legacy call has begun.
func (w way) pours(c clients.Client, b bulky) bool {
	return !w.kept && (c.Version() >= "2026" || b.Progress == 0)
}

func hostOf(t *testing.T, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// TestBulkBreaks: a server is killed in the middle of a large result. The client gets an error, never a part; so it does while
// the server is away, which names it, and when it is back the next result is whole.
func TestBulkBreaks(t *testing.T) {
	t.Parallel()
	node.Need(t)
	for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
		for _, o := range openers(era) {
			t.Run(o.name+"/"+string(era), func(t *testing.T) {
				x := startBreaking(t)
				c := o.open(t, x.front)
				for _, w := range x.taps {
					for _, progress := range []int{0, 2} {
						x.breaks(t, c, w, progress)
						if o.name == "go" { // this SDK gives up its session when a JSON body breaks off
							c = o.open(t, x.front)
						}
						x.isAway(t, c, w)
						x.restart(w.lang())
						x.recovers(t, c, w)
					}
				}
			})
		}
	}
}

// breaking is a gateway whose servers are killed.
type breaking struct {
	t       *testing.T
	taps    []*tapped
	front   clients.Target
	servers map[string]*harness.Child // by language
}

func startBreaking(t *testing.T) *breaking {
	t.Helper()
	x, addr := &breaking{t: t, servers: map[string]*harness.Child{}}, map[string]string{}
	for _, lang := range []string{"go", "ts"} {
		x.servers[lang], addr[lang] = startBulk(t, lang)
	}
	var all []way
	for _, w := range ways() {
		switch w.name {
		case "go-legacy", "go-modern", "ts-v1-json", "ts-v2":
			all = append(all, w)
		}
	}
	taps, g := startTapped(t, all, addr)
	x.taps, x.front.URL = taps, g.URL
	return x
}

// breaks kills the server when it has sent a part of its result.
func (x *breaking) breaks(t *testing.T, c clients.Client, w *tapped, progress int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b := bulky{Args: bulk.Args{Seed: "broken", Lines: huge, Progress: progress}}
	sent := w.Hold(1 << 20)
	defer sent.Release()
	ended := b.begin(ctx, c, w.name+separator)
	await(ctx, t, sent.Reached, "the server has not sent a part of its result")
	x.servers[w.lang()].Kill()
	sent.Release()
	if got := <-ended; got.err == nil || ctx.Err() != nil {
		t.Errorf("%s, %d: the call came to %d bytes, %v", w.name, progress, len(got.Text), got.err)
	}
}

// isAway shows that a call of a server that has ended is an error, which names it.
func (x *breaking) isAway(t *testing.T, c clients.Client, w *tapped) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b := bulky{Args: bulk.Args{Seed: "away"}}
	if got := b.call(ctx, c, w.name+separator); got.err == nil || !strings.Contains(got.err.Error(), w.name) {
		t.Errorf("while the server of %s is away: %v", w.name, got.err)
	}
}

// recovers calls until the gateway has noticed that the server is another one. Errors before that name it.
func (x *breaking) recovers(t *testing.T, c clients.Client, w *tapped) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b := newBulky("after", large/10, 0)
	got := b.call(ctx, c, w.name+separator)
	for got.err != nil && strings.Contains(got.err.Error(), w.name) && ctx.Err() == nil {
		got = b.call(ctx, c, w.name+separator)
	}
	b.isWhole(t, got)
}

// restart starts the server of a language anew, at another address.
func (x *breaking) restart(lang string) {
	var addr string
	x.servers[lang], addr = startBulk(x.t, lang)
	for _, w := range x.taps {
		if w.lang() == lang {
			w.To(addr)
		}
	}
}
