package endtoend_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/remote"
	"onemcp/internal/upstream/upstreamtest"
)

// torn is a backend over streamable HTTP that breaks off the stream that answers the tool "torn", after one report of
// progress. What becomes of the rest is its kind.
type torn struct {
	*web
	kind string

	mu      sync.Mutex
	id      []byte   // of the call
	calls   int      // of the tool
	resumed []string // Last-Event-ID of each attempt
}

// The kinds of rest.
const (
	tornOnce     = "the rest is there for who comes back"
	tornTwice    = "the rest is broken off, too, and comes in the end"
	tornBare     = "there are no event ids"
	tornRefused  = "nobody may come back"
	tornSession  = "the session is gone"
	tornLocked   = "we are not let in any more"
	tornStateful = "modern, with event ids"
)

// ServeHTTP implements http.Handler.
func (s *torn) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	m, err := mcp.Scan(body)
	name, _ := m.Text(mcp.FieldName)
	switch {
	case err == nil && m.Method == mcp.MethodToolsCall && name == "torn":
		s.begin(rw, &m)
	case r.Method == http.MethodGet && r.Header.Get("Last-Event-ID") != "":
		s.goOn(rw, r)
	default:
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.web.ServeHTTP(rw, r)
	}
}

func (s *torn) begin(rw http.ResponseWriter, m *mcp.Message) {
	s.mu.Lock()
	s.calls++
	s.id = bytes.Clone(m.IDBytes())
	s.mu.Unlock()
	rw.Header().Set("Content-Type", "text/event-stream")
	if s.kind != tornBare {
		_, _ = io.WriteString(rw, "id: first\nretry: 1\n")
	}
	event(rw, "message", fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}`, m.Value(mcp.FieldMetaToken)))
	if s.kind == tornSession {
		s.cut()
	}
	panic(http.ErrAbortHandler)
}

func (s *torn) goOn(rw http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	last := r.Header.Get("Last-Event-ID")
	s.resumed = append(s.resumed, last)
	id := s.id
	s.mu.Unlock()
	switch {
	case s.find(r.Header.Get(mcp.HeaderSession)) == nil:
		http.Error(rw, "no session", http.StatusNotFound)
		return
	case s.kind == tornLocked:
		http.Error(rw, "who is there", http.StatusUnauthorized)
		return
	case s.kind == tornRefused:
		http.Error(rw, "not here", http.StatusMethodNotAllowed)
		return
	}
	rw.Header().Set("Content-Type", "text/event-stream")
	if s.kind == tornTwice && last == "first" {
		_, _ = io.WriteString(rw, "id: second\nretry: 1\ndata:\n\n")
		_ = http.NewResponseController(rw).Flush()
		panic(http.ErrAbortHandler)
	}
	event(rw, "message", string(mcp.AppendResult(nil, id, []byte(`{"content":[],"structuredContent":{"whole":true}}`))))
}

// TestAnAnswerThatBreaksOff: the client gets it whole where the backend lets us take it up again, else one error. It is
// never asked for by a second call, and the next call works.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	const brokeOff = `backend "b" broke off its answer (its own log, or that of a proxy before it, may say why; the call may have been carried out)`
	for _, tt := range []struct {
		kind    string
		era     mcp.Era
		want    string // of the error; empty: the result
		resumed []string
	}{
		{tornOnce, mcp.Legacy, "", []string{"first"}},
		{tornTwice, mcp.Legacy, "", []string{"first", "second"}},
		{tornBare, mcp.Legacy, brokeOff, nil},
		{tornRefused, mcp.Legacy, brokeOff, []string{"first"}},
		{tornSession, mcp.Legacy, `backend "b" has ended the session in the middle of the call (it may have been restarted; the call may have been carried out)`, []string{"first"}},
		{tornLocked, mcp.Legacy, `backend "b" refused our credentials (HTTP status 401) (check the "headers" of its entry)`, []string{"first"}},
		{tornBare, mcp.Modern, brokeOff, nil},
		{tornStateful, mcp.Modern, brokeOff, nil},
	} {
		for _, era := range bothEras {
			t.Run(fmt.Sprintf("%s client, %s backend, %s", era, tt.era, tt.kind), func(t *testing.T) {
				t.Parallel()
				s := &torn{web: newWeb(upstreamtest.Script{Eras: []mcp.Era{tt.era}, Hush: true}), kind: tt.kind}
				r := start(t, setup(overURL(t, "b", serveWeb(t, s), remote.HTTP)))
				r.ready()
				c := r.connect(era, "/mcp/servers/b")
				c.affinity = strings.Repeat("a", 22)
				msgs, err := c.post(t.Context(), c.tool(`"torn"`, "torn", `{}`, `"progressToken":"p",`)).all()
				if err != nil || len(msgs) != 2 || !strings.Contains(string(msgs[0]), `"progressToken":"p"`) {
					t.Fatalf("got %q, %v", msgs, err)
				}
				m, err := mcp.Scan(msgs[1])
				if err != nil || string(m.IDBytes()) != `"torn"` || m.ErrorMessage() != tt.want || tt.want == "" && !strings.Contains(string(m.Raw), `{"whole":true}`) {
					t.Errorf("got %s, %v", msgs[1], err)
				}
				c.call("echo", `{}`)
				s.mu.Lock()
				defer s.mu.Unlock()
				if s.calls != 1 || strings.Join(s.resumed, " ") != strings.Join(tt.resumed, " ") {
					t.Errorf("the tool was called %d times, and we came back after %q", s.calls, s.resumed)
				}
			})
		}
	}
}
