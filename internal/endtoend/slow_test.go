package endtoend_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"onemcp/internal/front"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream/upstreamtest"
)

// TestABackendThatDoesNotReadHoldsUpNobodyElse: it is stopped, and more is sent to it than its pipe holds. When it goes on,
// nothing has been lost.
func TestABackendThatDoesNotReadHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	r := start(t, setup(overStdio(t, "deaf", upstreamtest.Script{}), overStdio(t, "good", upstreamtest.Script{})))
	r.ready()
	clients := make(map[mcp.Era]*client)
	var stopped []int
	goOn := func() {
		for _, pid := range stopped {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	}
	defer goOn()
	for _, era := range bothEras {
		clients[era] = r.connect(era, "/mcp")
		pid := clients[era].whoami("deaf_1mcp_whoami").PID // each era has a process
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		stopped = append(stopped, pid)
	}
	args := `{"text":"` + strings.Repeat("x", 1<<20) + `"}`
	var waiting sync.WaitGroup
	for _, era := range bothEras {
		c := clients[era]
		for i := range 4 {
			body := c.tool(fmt.Sprintf(`"deaf %d"`, i), "deaf_1mcp_echo", args, "")
			waiting.Go(func() {
				reply, err := c.tryPost(t.Context(), body)
				if err != nil {
					t.Error(err)
					return
				}
				if msgs, err := reply.all(); err != nil || len(msgs) != 1 || !strings.Contains(string(msgs[0]), args) {
					t.Errorf("%d messages, %v", len(msgs), err)
				}
			})
		}
	}
	for _, era := range bothEras {
		for range 20 {
			clients[era].call("good_1mcp_echo", `{}`)
		}
		if got := backendsOf(r.connect(era, "/mcp").list()); len(got) != 2 {
			t.Errorf("%s: the list holds tools of %v", era, got)
		}
	}
	goOn()
	waiting.Wait()
}

// TestAClientThatDoesNotReadHoldsUpNobodyElse: calls of others pass at the same backend. A modern one loses its
// stream, which cancels its call.
func TestAClientThatDoesNotReadHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	r := startWith(t, setup(
		overStdio(t, "stdio", upstreamtest.Script{}), overHTTP(t, "http", upstreamtest.Script{}), overSSE(t, "sse", upstreamtest.Script{}),
	), session.Limits{}, front.Options{WriteTimeout: 100 * time.Millisecond})
	r.ready()
	for _, b := range []string{"stdio", "http", "sse"} {
		for _, era := range bothEras {
			t.Run(fmt.Sprintf("%s client, %s", era, b), func(t *testing.T) {
				r := &rig{t: t, url: r.url}
				slow, other := r.connect(era, "/mcp/servers/"+b), r.connect(era, "/mcp/servers/"+b)
				mark := b + era.String()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				unread := slow.post(ctx, slow.tool(`"slow"`, "chatter", `{"n":1000000,"text":"`+mark+strings.Repeat("x", 64<<10)+`"}`, `"progressToken":1,`))
				defer unread.close()
				for range 20 {
					other.call("echo", `{}`)
				}
				if era == mcp.Legacy {
					slow.notify(mcp.NoteCancelled, `{"requestId":"slow"}`)
				}
				slow.received("", "cancelled: "+mark)
			})
		}
	}
}

// TestALongSilenceIsFilledWithBeats so that no proxy takes the stream for dead; the answer comes after it.
func TestALongSilenceIsFilledWithBeats(t *testing.T) {
	t.Parallel()
	for _, backendEra := range bothEras {
		b := overStdio(t, "b", upstreamtest.Script{Eras: []mcp.Era{backendEra}})
		r := startWith(t, setup(b), session.Limits{}, front.Options{Heartbeat: 10 * time.Millisecond})
		for _, era := range bothEras {
			c := r.connect(era, "/mcp")
			mark := "enough for " + era.String()
			in := c.post(t.Context(), c.tool(`"silent"`, "b_1mcp_await", `{"text":"`+mark+`"}`, ""))
			for beats := 0; beats < 3; {
				line, err := in.events.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(line, ": beat") {
					beats++
				}
			}
			c.call("b_1mcp_echo", `{"mark":"`+mark+`"}`)
			if m := in.final(t); m.Kind != mcp.Result || string(m.IDBytes()) != `"silent"` {
				t.Errorf("%s client, %s backend: got %s", era, backendEra, m.Raw)
			}
		}
	}
}
