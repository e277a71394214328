package endtoend_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/front"
	"onemcp/internal/mcp"
)

// TestAQuestionBesideALargeResult comes on another stream while the answer comes, so that it may be either of the two that the
// client gets first. It gets the result, whole and once, in the end.
func TestAQuestionBesideALargeResult(t *testing.T) {
	t.Parallel()
	var asks sync.Map // by session
	of := func(r *http.Request) chan struct{} {
		c, _ := asks.LoadOrStore(r.Header.Get(mcp.HeaderSession), make(chan struct{}, 1))
		return c.(chan struct{})
	}
	f := newFountain(mcp.Legacy, func(rw http.ResponseWriter, r *http.Request, id string) {
		of(r) <- struct{}{}
		write(rw, strings.Replace(idBehind, "$ID", id, 1))
	})
	f.answered = make(chan string, 1000)
	f.resume = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		write(rw, ": open\n\n")
		select {
		case <-of(r):
			write(rw, `data: {"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}`+"\n\n")
		case <-r.Context().Done():
		}
		<-r.Context().Done()
	}
	r, _ := f.before(t, mcp.Legacy, front.Options{}, 0)
	c := r.connect(mcp.Modern, "/mcp/servers/b")
	c.capabilities = `{"elicitation":{}}`
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			m := c.ask(c.tool(`"first"`, "x", `{}`, ""))
			if state := mcp.Member(m.Bytes(m.Result), "requestState"); state != nil {
				m = c.ask(c.request(`"first"`, mcp.MethodToolsCall, `"name":"x","arguments":{},"inputResponses":{"q1":{"action":"accept","content":{}}},"requestState":`+string(state), ""))
			}
			if m.Kind != mcp.Result || string(m.IDBytes()) != `"first"` || len(m.Raw) < 2*len(long) {
				t.Errorf("%.300s", m.Raw)
			}
		})
	}
	all.Wait()
}
