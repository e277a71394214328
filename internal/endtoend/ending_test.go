package endtoend_test

import (
	"net/http"
	"sync"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// TestRequestsThatRaceWithTheEnd of their session are served or told that it has ended, and leave nothing behind.
func TestRequestsThatRaceWithTheEnd(t *testing.T) {
	t.Parallel()
	own := overHTTP(t, "own", mortalScript(mcp.Legacy))
	own.Isolation = gateway.PerSession
	r := start(t, setup(own, overStdio(t, "shared", upstreamtest.Script{Eras: legacyOnly})))
	r.ready()
	for range 20 {
		c := r.connect(mcp.Legacy, "/mcp")
		var racing sync.WaitGroup
		try := func(method string, body []byte) {
			racing.Go(func() {
				resp, err := c.try(t.Context(), method, body)
				if err != nil {
					t.Error(err)
					return
				}
				msgs, err := newReply(resp).all()
				switch resp.StatusCode {
				case http.StatusOK, http.StatusAccepted, http.StatusNoContent, http.StatusNotFound:
				default:
					t.Errorf("%s %s is answered with %s %q", method, body, resp.Status, msgs)
				}
				if err != nil {
					t.Errorf("%s %s: %v", method, body, err)
				}
			})
		}
		try(http.MethodGet, nil)
		for _, body := range [][]byte{
			c.tool(`1`, "own_1mcp_echo", `{}`, ""),
			c.tool(`2`, "shared_1mcp_chatter", `{"n":5,"text":"x"}`, `"progressToken":1,`),
			c.tool(`3`, "shared_1mcp_hang", `{"text":"x"}`, ""),
			c.request(`4`, mcp.MethodSubscribe, `"uri":"`+mortalURI+`"`, ""),
			c.request(`5`, mcp.MethodSetLevel, `"level":"error"`, ""),
			mcp.AppendNotification(nil, mcp.NoteCancelled, []byte(`{"requestId":2}`)),
			c.tool(`6`, "own_1mcp_progress", `{"n":3}`, `"progressToken":2,`),
		} {
			try(http.MethodPost, body)
		}
		try(http.MethodDelete, nil)
		try(http.MethodDelete, nil)
		racing.Wait()
	}
	if n := r.sessions.Len(); n != 0 || r.sessions.Kept() != 0 {
		t.Errorf("%d sessions are left, which keep %d bytes", n, r.sessions.Kept())
	}
}
