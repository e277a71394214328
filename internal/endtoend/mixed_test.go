package endtoend_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// TestCallsThatAreGivenUpLeaveOthersTheirBytes: the memory in which a request was put together is another one's when the call is
// over, also if its client went while it was being sent, and it is answered late or never.
func TestCallsThatAreGivenUpLeaveOthersTheirBytes(t *testing.T) {
	t.Parallel()
	backends := []gateway.Spec{overStdio(t, "stdio", upstreamtest.Script{}), overHTTP(t, "http", upstreamtest.Script{}), overSSE(t, "sse", upstreamtest.Script{Eras: legacyOnly})}
	r := start(t, gateway.Setup{Backends: backends})
	r.ready()
	var all sync.WaitGroup
	for i := range 6 {
		c, stays := r.connect(bothEras[i%2], "/mcp"), i < 4
		all.Go(func() {
			for n := range 30 {
				c.callWith(backends[n%len(backends)].Name, strings.Repeat(fmt.Sprintf("%d-%d;", i, n), 1+n*500), stays)
			}
		})
	}
	all.Wait()
}

// callWith calls with a text that must come back. If it does not stay it may be gone before.
func (c *client) callWith(backend, text string, stays bool) {
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	if !stays {
		go cancel()
	}
	reply, err := c.tryPost(ctx, c.tool(c.nextID(), backend+"_1mcp_echo", `{"mark":`+string(mcp.Quote(nil, text))+`}`, ""))
	if err != nil {
		if stays {
			c.t.Error(err)
		}
		return
	}
	if msgs, err := reply.all(); stays && (err != nil || len(msgs) != 1 || !strings.Contains(string(msgs[0]), text)) {
		c.t.Errorf("%s: %.200q, %v", backend, msgs, err)
	}
}
