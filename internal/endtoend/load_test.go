package endtoend_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/catalog"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/upstream/upstreamtest"
)

// TestReloadsUnderLoad: while backends are replaced, relabelled and left alone, again and again, not one call fails, and
// the backend that is left alone keeps its connection.
func TestReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	const reloads = 12
	kept := overStdio(t, "kept", upstreamtest.Script{})
	kinds := map[string]func(*testing.T, string, upstreamtest.Script, ...mcptest.Excuse) gateway.Spec{"http": overHTTP, "sse": overSSE, "stdio": overStdio}
	setups := make([]gateway.Setup, reloads)
	for i := range setups {
		setups[i] = setup(kept)
		for name, kind := range kinds {
			if name == "stdio" && i%4 != 0 {
				setups[i].Backends = append(setups[i].Backends, relabelled(setups[i-1], name, i))
				continue
			}
			setups[i].Backends = append(setups[i].Backends, kind(t, name, upstreamtest.Script{}))
		}
	}
	r := start(t, setups[0])
	r.ready()
	who := r.connect(mcp.Legacy, "/mcp").whoami("kept_1mcp_whoami")
	stop := make(chan struct{})
	var calling sync.WaitGroup
	for i := range 6 {
		c := r.connect(bothEras[i%2], "/mcp")
		calling.Go(func() { c.callUntil(stop, "kept", "http", "sse", "stdio") })
	}
	for _, s := range setups[1:] {
		r.gateway.Apply(s)
	}
	close(stop)
	calling.Wait()
	if after := r.connect(mcp.Legacy, "/mcp").whoami("kept_1mcp_whoami"); after != who {
		t.Errorf("the unchanged backend was %+v and is %+v", who, after)
	}
}

// relabelled is a backend of a setup under another policy.
func relabelled(s gateway.Setup, name string, i int) gateway.Spec {
	for _, b := range s.Backends {
		if b.Name == name {
			b.Policy = catalog.Policy{Descriptions: map[string]string{"echo": fmt.Sprint(i)}}
			return b
		}
	}
	panic("no backend " + name)
}

// callUntil calls backends in turn, and checks each answer, until it is told to stop or one is wrong.
func (c *client) callUntil(stop <-chan struct{}, backends ...string) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		mark := fmt.Sprintf("call %d", n)
		reply, err := c.tryPost(c.t.Context(), c.tool(c.nextID(), backends[n%len(backends)]+"_1mcp_echo", fmt.Sprintf(`{"mark":%q}`, mark), ""))
		if err != nil {
			c.t.Error(err)
			return
		}
		msgs, err := reply.all()
		if err != nil || len(msgs) != 1 || !strings.Contains(string(msgs[0]), `"structuredContent"`) || !strings.Contains(string(msgs[0]), mark) {
			c.t.Errorf("%s at %s: %.500q, %v", mark, backends[n%len(backends)], msgs, err)
			return
		}
	}
}
