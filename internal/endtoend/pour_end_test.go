package endtoend_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream/remote"
)

// poursOn is a rig in front of a backend of an era whose answers have no end, and a client of another era, or the same, that has
// a mebibyte of one and does not read on.
func poursOn(t *testing.T, of, era mcp.Era, change func(*gateway.Spec)) (r *rig, gone <-chan struct{}, got *reply) {
	t.Helper()
	ended := make(chan struct{}, 1)
	driver, err := remote.New(remote.Options{Name: "b", URL: serveWeb(t, newFountain(of, unending(ended))), Kind: remote.HTTP, MaxMessage: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	b := spec("b")
	b.Driver = driver
	change(&b)
	r = startUnwatched(t, setup(b), session.Limits{}, front.Options{WriteTimeout: time.Hour})
	r.ready()
	c := r.connect(era, "/mcp/servers/b")
	got = c.post(t.Context(), c.tool(`7`, "x", `{}`, ""))
	t.Cleanup(got.close)
	if _, err := io.ReadFull(got.body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	return r, ended, got
}

// breaks reads the rest of an answer, which must have no end.
func (r *reply) breaks(t *testing.T) {
	t.Helper()
	if _, err := io.Copy(io.Discard, r.body); err == nil {
		t.Error("the body has an end")
	}
}

// TestALargeResultEndsWithItsTime though its client does not read.
func TestALargeResultEndsWithItsTime(t *testing.T) {
	t.Parallel()
	for _, era := range bothEras {
		t.Run(era.String(), func(t *testing.T) {
			t.Parallel()
			_, gone, got := poursOn(t, mcp.Legacy, era, func(b *gateway.Spec) { b.MaxRequestTime = 2 * time.Second })
			receive(t, gone, "the end of the call")
			got.breaks(t)
		})
	}
}

// TestALargeResultDoesNotOutliveTheGateway, whose parts stop one after the other when the test is over: none waits for the client.
func TestALargeResultDoesNotOutliveTheGateway(t *testing.T) {
	t.Parallel()
	for _, era := range bothEras {
		t.Run(era.String(), func(t *testing.T) {
			t.Parallel()
			poursOn(t, mcp.Legacy, era, func(*gateway.Spec) {})
		})
	}
}

// TestAReloadDoesNotWaitForALargeResult, and does not disturb it: what it removes ends after its calls.
func TestAReloadDoesNotWaitForALargeResult(t *testing.T) {
	t.Parallel()
	for _, era := range bothEras {
		t.Run(era.String(), func(t *testing.T) {
			t.Parallel()
			goOn := make(chan struct{}, 1)
			r, _ := newFountain(mcp.Legacy, func(rw http.ResponseWriter, _ *http.Request, id string) {
				text := strings.Replace(idBehind, "$ID", id, 1)
				write(rw, text[:len(text)/2])
				receive(t, goOn, "the reload")
				write(rw, text[len(text)/2:])
			}).before(t, mcp.Legacy, front.Options{}, 0)
			c := r.connect(era, "/mcp/servers/b")
			reply := c.post(t.Context(), c.tool(`7`, "x", `{}`, ""))
			first := reply.begun(t)
			r.gateway.Apply(setup())
			goOn <- struct{}{}
			rest, err := io.ReadAll(reply.body)
			if err != nil || object(t, string(first)+string(rest))["id"] != 7.0 {
				t.Errorf("%d bytes have come, %v", len(first)+len(rest), err)
			}
		})
	}
}

// TestAStreamMayGoOnBehindALargeResult: the client has its answer, once, and nothing that comes later.
func TestAStreamMayGoOnBehindALargeResult(t *testing.T) {
	t.Parallel()
	notes := strings.Repeat("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":1}}\n\n", 1000)
	for name, before := range map[string]string{"alone": "", "behind a thousand messages": notes} {
		for _, of := range bothEras {
			t.Run(name+", "+of.String(), func(t *testing.T) {
				t.Parallel()
				f := newFountain(of, func(rw http.ResponseWriter, r *http.Request, id string) {
					text := strings.Replace(idBehind, "$ID", id, 1)
					rw.Header().Set("Content-Type", "text/event-stream")
					write(rw, before+"data: "+text+"\n\n"+notes+"data: {\"jsonrpc\":\"2.0\",\"id\":"+id+",\"result\":{}}\n\n")
					write(rw, "data: "+text+"\n\n")
					<-r.Context().Done() // the stream has no end
				})
				r, _ := f.before(t, of, front.Options{}, 0)
				c := r.connect(mcp.Modern, "/mcp/servers/b")
				for _, id := range []string{`7`, `"eight"`} {
					msgs, err := c.post(t.Context(), c.tool(id, "x", `{}`, "")).all()
					if want := strings.Count(before, "data: ") + 1; err != nil || len(msgs) != want {
						t.Fatalf("%d messages, wanted %d; %v", len(msgs), want, err)
					}
					m, err := mcp.Scan(msgs[len(msgs)-1])
					if err != nil || m.Kind != mcp.Result || string(m.IDBytes()) != id || len(m.Raw) < len(long) {
						t.Errorf("%.200s, %v", m.Raw, err)
					}
				}
			})
		}
	}
}
