package endtoend_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"onemcp/internal/front"
	"onemcp/internal/mcp"
)

// TestALargeEventPasses while it comes, unless it may be asked for again when the stream breaks. As a whole it is the same.
func TestALargeEventPasses(t *testing.T) {
	t.Parallel()
	progress := "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":1}}\n\n"
	tests := []struct {
		name       string
		before     string // in the stream
		fields     string // of the event, before its data
		last       string // data line
		behind     string // the data
		legacy     bool   // passes while it comes, to a legacy client; to a modern one
		modern     bool
		isInStream bool // the client gets an event stream, though it does not pass while it comes
	}{
		{name: "alone", legacy: true, modern: true},
		{name: "with an id of its own, which is of no use before the event is whole", fields: "id: 1\n", legacy: true, modern: true},
		{name: "with an id behind", behind: "id: 1\n", legacy: true, modern: true},
		{name: "behind a place to go on from", before: "id: 0\nretry: 10\ndata:\n\n", modern: true},
		{name: "in two lines", last: "data: }", legacy: true, modern: true},
		{name: "behind another message", before: progress, modern: true, isInStream: true},
		{name: "with CRLF", behind: "\r\n", legacy: true, modern: true},
	}
	for _, tt := range tests {
		for _, era := range bothEras {
			t.Run(tt.name+", "+era.String(), func(t *testing.T) {
				t.Parallel()
				pours := era == mcp.Legacy && tt.legacy || era == mcp.Modern && tt.modern
				passed := make(chan struct{}, 1)
				f := newFountain(era, func(rw http.ResponseWriter, r *http.Request, id string) {
					text := strings.Replace(idBefore, "$ID", id, 1)
					rw.Header().Set("Content-Type", "text/event-stream")
					write(rw, tt.before+tt.fields+"data: "+text[:len(text)/2])
					if pours {
						receive(t, passed, "the first half")
					}
					text = text[len(text)/2:]
					if tt.last != "" {
						text = strings.TrimSuffix(strings.TrimRight(text, " "), "}") + "\n" + tt.last
					}
					write(rw, text+"\n"+tt.behind+"\n")
				})
				_, c := f.before(t, era, front.Options{}, 0)
				reply := c.post(t.Context(), c.tool(`7`, "x", `{}`, ""))
				var first []byte
				if pours {
					first = reply.begun(t)
					passed <- struct{}{}
				}
				got, err := reply.last(first)
				if err != nil {
					t.Fatal(err)
				}
				if (pours || tt.isInStream) != (reply.header.Get("Content-Type") == "text/event-stream") {
					t.Errorf("it comes as %s", reply.header.Get("Content-Type"))
				}
				want := strings.Replace(idBefore, "$ID", "7", 1)
				if !bytes.Equal(compact(t, []byte(got)), compact(t, []byte(want))) {
					t.Errorf("got %d bytes for %d: %.100s", len(got), len(want), got)
				}
			})
		}
	}
}

func compact(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Error(err)
	}
	return b.Bytes()
}

// TestALargeEventThatIsNotWholeIsNotTakenForAnAnswer, even if its data is.
func TestALargeEventThatIsNotWholeIsNotTakenForAnAnswer(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"no end of the line":  "",
		"no end of the event": "\n",
		"another kind of event after all, which comes too late": "\nevent: other\n\n",
		"a further line":         "\ndata: {}\n\n",
		"a further line, broken": "\ndata: ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			_, c := newFountain(mcp.Legacy, func(rw http.ResponseWriter, _ *http.Request, id string) {
				rw.Header().Set("Content-Type", "text/event-stream")
				text := "data: " + strings.Replace(idBehind, "$ID", id, 1)
				if calls++; calls > 1 {
					end = "\n\n"
				}
				write(rw, text+end)
			}).before(t, mcp.Legacy, front.Options{}, 0)
			reply := c.post(t.Context(), c.tool(`7`, "x", `{}`, ""))
			reply.isBroken(t)
			if m := c.ask(c.tool(`8`, "x", `{}`, "")); m.Kind != mcp.Result {
				t.Errorf("the next call: %.200s", m.Raw)
			}
		})
	}
}

// TestALargeEventIsAskedForAgain where the stream says how: the client has nothing of the half that came before.
func TestALargeEventIsAskedForAgain(t *testing.T) {
	t.Parallel()
	texts := make(chan string, 1)
	f := newFountain(mcp.Legacy, func(rw http.ResponseWriter, _ *http.Request, id string) {
		text := strings.Replace(idBefore, "$ID", id, 1)
		rw.Header().Set("Content-Type", "text/event-stream")
		write(rw, "id: 0\nretry: 1\ndata:\n\nid: 1\ndata: "+text[:len(text)/2])
		texts <- text
		panic(http.ErrAbortHandler)
	})
	f.resume = func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Last-Event-Id") != "0" {
			rw.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		rw.Header().Set("Content-Type", "text/event-stream")
		select {
		case text := <-texts:
			write(rw, "id: 1\ndata: "+text+"\n\n")
		case <-time.After(patience):
		}
	}
	_, c := f.before(t, mcp.Legacy, front.Options{}, 0)
	got := c.ask(c.tool(`7`, "x", `{}`, ""))
	differ(t, "the answer", strings.TrimSpace(strings.Replace(idBefore, "$ID", "7", 1)), strings.TrimSpace(string(got.Raw)))
}
