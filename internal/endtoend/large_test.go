package endtoend_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream/remote"
	"onemcp/internal/upstream/stdio"
	"onemcp/internal/upstream/upstreamtest"
)

// TestLargeMessagesPassWhole: arguments of 10 MiB and results of 20 MiB arrive as they were sent over each transport, and
// smaller ones, which no buffer holds either, between the eras; what is over the front's limit is refused, never cut.
func TestLargeMessagesPassWhole(t *testing.T) {
	t.Parallel()
	r := recorders(t)
	unit := `{"z":1.0,"a":"é\u00e9\/😀` + strings.Repeat("x", 32<<10) + `","n":9007199254740993},`
	for _, b := range cells {
		for _, era := range bothEras {
			t.Run(fmt.Sprintf("%s client, %s", era, b.name), func(t *testing.T) {
				size := 1 << 20
				if era == b.era {
					size = 10 << 20
				}
				c := (&rig{t: t, url: r.url}).connect(era, "/mcp/servers/"+b.name)
				args := `{"text":[` + strings.Repeat(unit, size/len(unit)) + `null]}`
				differ(t, "the arguments", args, part(c.call("echo", args), "arguments"))
				if got := c.call("big", fmt.Sprintf(`{"bytes":%d}`, 2*size)); got != `"`+strings.Repeat("x", 2*size)+`"` {
					t.Errorf("a result of %d bytes has come with %d", 2*size, len(got))
				}
				over := c.post(t.Context(), c.tool(`1`, "echo", `"`+strings.Repeat("x", 16<<20)+`"`, ""))
				if text, err := over.next(); over.status != http.StatusRequestEntityTooLarge || err != nil || !strings.Contains(string(text), `"code":-32600`) {
					t.Errorf("a message over the limit is answered with %d, %s, %v", over.status, text, err)
				}
				over.close()
			})
		}
	}
}

// TestAMessageOverTheBackendsLimitIsAnError that says what to raise; the next call works. The servers over HTTP say how long
// their answers are. One that does not is cut where it passes: TestALargeResultThatBreaksIsNotTakenForAWholeOne.
func TestAMessageOverTheBackendsLimitIsAnError(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	for _, b := range cells {
		for _, era := range bothEras {
			t.Run(fmt.Sprintf("%s client, %s", era, b.name), func(t *testing.T) {
				t.Parallel()
				r := start(t, setup(limited(t, b, limit)))
				c := r.connect(era, "/mcp/servers/b")
				m := c.ask(c.tool(`1`, "big", fmt.Sprintf(`{"bytes":%d}`, limit), ""))
				if m.Kind != mcp.Error || !strings.Contains(m.ErrorMessage(), "over the limit of 65536 bytes (raise its maxMessageSize)") {
					t.Errorf("got %.300s", m.Raw)
				}
				if got := c.call("big", `{"bytes":1000}`); len(got) != 1002 {
					t.Errorf("the next result has %d bytes", len(got))
				}
			})
		}
	}
}

// limited describes a backend that may send messages of a size at most.
func limited(t *testing.T, of cell, limit int) gateway.Spec {
	t.Helper()
	s := upstreamtest.Script{Eras: []mcp.Era{of.era}}
	var web http.Handler = newWeb(s)
	kind, path := remote.HTTP, ""
	switch {
	case strings.HasSuffix(of.name, "stdio"):
		command, env := s.Command(t)
		b := spec("b")
		b.Local = true
		b.Driver = stdio.Driver{Options: stdio.Options{Name: "b", Command: command, Env: env, MaxMessage: limit}}
		return b
	case strings.HasSuffix(of.name, "sse"):
		web, kind, path = newOldWeb(s), remote.SSE, "/sse"
	}
	return overOptions(t, remote.Options{Name: "b", URL: serveWeb(t, web) + path, Kind: kind, MaxMessage: limit})
}
