package endtoend_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"onemcp/internal/front"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream/remote"
	"onemcp/internal/upstream/upstreamtest"
)

// fountain is a backend over streamable HTTP that answers the calls of tools as a test wants.
type fountain struct {
	*web
	answer func(rw http.ResponseWriter, r *http.Request, id string)
	resume http.HandlerFunc // of a GET; nil: as web does

	answered chan<- string // gets answers of clients; may be nil
}

func newFountain(era mcp.Era, answer func(rw http.ResponseWriter, r *http.Request, id string)) *fountain {
	return &fountain{newWeb(upstreamtest.Script{Eras: []mcp.Era{era}, Offers: offers("b")}), answer, nil, nil}
}

// ServeHTTP implements http.Handler.
func (f *fountain) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && f.resume != nil {
		f.resume(rw, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	m, err := mcp.Scan(body)
	switch {
	case err == nil && m.Method == mcp.MethodToolsCall:
		rw.Header().Set("Content-Type", "application/json")
		f.answer(rw, r, string(m.IDBytes()))
		return
	case err == nil && m.Kind == mcp.Result && f.answered != nil:
		f.answered <- string(body)
		rw.WriteHeader(http.StatusAccepted)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	f.web.ServeHTTP(rw, r)
}

// before returns a gateway in front of a fountain, and a client of its era.
func (f *fountain) before(t *testing.T, era mcp.Era, o front.Options, limit int) (*rig, *client) {
	t.Helper()
	driver, err := remote.New(remote.Options{Name: "b", URL: serveWeb(t, f), Kind: remote.HTTP, MaxMessage: limit})
	if err != nil {
		t.Fatal(err)
	}
	b := spec("b")
	b.Driver = driver
	r := startUnwatched(t, setup(b), session.Limits{}, o)
	r.ready()
	return r, r.connect(era, "/mcp/servers/b")
}

// write writes pieces to a client that may be gone, each at once.
func write(rw http.ResponseWriter, pieces ...string) {
	for _, piece := range pieces {
		_, _ = io.WriteString(rw, piece)
		_ = http.NewResponseController(rw).Flush()
	}
}

// A form is what an answer is wrapped in.
type form struct {
	name        string
	known       bool // its length is
	head, after string
}

var forms = []form{
	{"a body of known length", true, "", ""},
	{"a body of unknown length", false, "", ""},
	{"an event", false, ": first\n\nevent: message\ndata: ", "\n\n"},
}

// begin announces an answer and begins it.
func (f form) begin(rw http.ResponseWriter, length int, text string) {
	if f.known {
		rw.Header().Set("Content-Length", strconv.Itoa(length))
	}
	if f.head != "" {
		rw.Header().Set("Content-Type", "text/event-stream")
	}
	write(rw, f.head+text)
}

// begun reads the first quarter of a mebibyte of a reply.
func (r *reply) begun(t *testing.T) []byte {
	t.Helper()
	first := make([]byte, 256<<10)
	if _, err := io.ReadFull(r.body, first); err != nil {
		t.Fatal(err)
	}
	return first
}

// last reads the rest of a reply, of which first was read, and returns the last message.
func (r *reply) last(first []byte) (string, error) {
	rest, err := io.ReadAll(r.body)
	text := append(first, rest...)
	if r.events == nil || err != nil {
		return string(text), err
	}
	var last []byte
	for in := bufio.NewReader(bytes.NewReader(text)); ; {
		name, data, err := nextEvent(in)
		if err != nil {
			return string(last), nil
		}
		if name == "message" {
			last = data
		}
	}
}

// long is a text of about half a mebibyte, which says where in it one is.
var long = func() string {
	var b strings.Builder
	for i := range 32 << 10 {
		fmt.Fprintf(&b, `%d é\n😀 `, i)
	}
	return b.String()
}()

// Answers of more than a mebibyte, with the id in front and behind.
var (
	idBefore = "{ \"jsonrpc\":\"2.0\",\"id\" : $ID ,\t\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"" + long + `"}],"structuredContent":{"a":"` + long + `"}} } `
	idBehind = `{"result":{"content":[{"type":"text","text":"` + long + `"},{"type":"text","text":"` + long + `"}]},"jsonrpc":"2.0","id":$ID}`
)

// isBroken fails the test unless a reply breaks off, or ends with an error in the place of what has broken off.
func (r *reply) isBroken(t *testing.T) {
	t.Helper()
	last, err := r.last([]byte("\n")) // what was read before lies within an event
	if r.events == nil {
		if err == nil {
			t.Errorf("the body has an end: %.200s", last)
		}
		return
	}
	if m, wrong := mcp.Scan([]byte(last)); err != nil || wrong != nil || m.Kind != mcp.Error || string(m.IDBytes()) != "7" {
		t.Errorf("the stream ends with %.200s, %v, %v", last, wrong, err)
	}
}
