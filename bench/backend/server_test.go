package backend_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"

	"onemcp/bench/backend"
	"onemcp/bench/http1"
)

const modernMeta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`

func server(t *testing.T, era backend.Era) *backend.Server {
	t.Helper()
	s, err := backend.New(backend.Profile{Era: era, Tools: 5})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestIdsComeBackAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	s := server(t, backend.Both)
	for _, id := range []string{`1`, `-7`, `9007199254740993`, `1.50`, `1e3`, `"a\u0041\"b"`, `""`, `"17"`} {
		for _, form := range []string{
			`{"jsonrpc":"2.0","id":%,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x"}}}`,
			`{"params":{"arguments":{"id":5,"text":"x"},"name":"echo"}, "method" : "tools/call", "id" : % ,"jsonrpc":"2.0"}`,
		} {
			_, answer, _ := s.Answer([]byte(strings.Replace(form, "%", id, 1)))
			if want := `{"jsonrpc":"2.0","id":` + id + `,"result":{"content":[{"type":"text","text":"x"}]}}`; string(answer) != want {
				t.Errorf("id %s: got %s", id, answer)
			}
		}
	}
}

func TestEachEraIsAnsweredAsItsProfileSays(t *testing.T) {
	t.Parallel()
	const (
		initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`
		discover   = `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{` + modernMeta + `}}`
		list       = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{` + modernMeta + `}}`
		unknown    = `{"jsonrpc":"2.0","id":1,"method":"x/y","params":{}}`
		note       = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	)
	tests := []struct {
		name, message string
		era           backend.Era
		status        int
		holds         string
	}{
		{"initialize of both", initialize, backend.Both, 200, `"protocolVersion":"2025-11-25"`},
		{"initialize of legacy", initialize, backend.Legacy, 200, `"protocolVersion":"2025-11-25"`},
		{"initialize of modern", initialize, backend.Modern, 400, `"code":-32602`},
		{"discover of both", discover, backend.Both, 200, `"supportedVersions":["2026-07-28","2025-11-25"]`},
		{"discover of modern", discover, backend.Modern, 200, `"supportedVersions":["2026-07-28"]`},
		{"discover of legacy", discover, backend.Legacy, 400, `"code":-32601`},
		{"list of modern", list, backend.Modern, 200, `"ttlMs":`},
		{"unknown", unknown, backend.Both, 404, `"code":-32601`},
		{"notification", note, backend.Both, 202, ``},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			status, answer, _ := server(t, test.era).Answer([]byte(test.message))
			if status != test.status || !bytes.Contains(answer, []byte(test.holds)) {
				t.Errorf("status %d, %s", status, answer)
			}
			if len(answer) > 0 && !json.Valid(answer) {
				t.Errorf("no JSON: %s", answer)
			}
		})
	}
}

func TestListsAndLargeResultsAreValid(t *testing.T) {
	t.Parallel()
	s := server(t, backend.Both)
	_, list, _ := s.Answer([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
	if n := bytes.Count(list, []byte(`"inputSchema"`)); n != 5 || !json.Valid(list) {
		t.Errorf("%d tools in %s", n, list)
	}
	_, blob, _ := s.Answer([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"blob"}}`))
	if n := bytes.Count(blob, []byte("x")); n < backend.BlobSize || !json.Valid(blob) {
		t.Errorf("a result of %d bytes", n)
	}
	_, sink, _ := s.Answer([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sink","arguments":{"text":"12345"}}}`))
	if !bytes.Contains(sink, []byte(`"text":"5"`)) {
		t.Errorf("the length is wrong: %s", sink)
	}
}

func TestStdioAnswersEveryLineInOrder(t *testing.T) {
	t.Parallel()
	in, feed := io.Pipe()
	var out bytes.Buffer
	go func() {
		_, _ = io.WriteString(feed, `{"jsonrpc":"2.0","id":1,"method":"ping"}`+"\n"+`{"jsonrpc":"2.0","id":"b`)
		_, _ = io.WriteString(feed, `","method":"ping"}`+"\n"+`{"jsonrpc":"2.0","method":"note"}`+"\n")
		feed.Close()
	}()
	if err := server(t, backend.Both).Stdio(in, &out); err != nil {
		t.Fatal(err)
	}
	if want := `{"jsonrpc":"2.0","id":1,"result":{}}` + "\n" + `{"jsonrpc":"2.0","id":"b","result":{}}` + "\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestHTTPServesTheProfileOfThePath(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	ctx := t.Context()
	go func() { served <- backend.Serve(ctx, listener) }()
	t.Cleanup(func() {
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reader := http1.NewReader(conn)
	for _, test := range []struct {
		method, path, body string
		status             int
		session            bool
		events             bool
	}{
		{"POST", "/both/5/0/mcp", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`, 200, true, false},
		{"POST", "/both/5/0/mcp", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, 202, false, false},
		{"POST", "/modern/5/0/mcp", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`, 400, false, false},
		{"POST", "/nonsense", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, 404, false, false},
		{"DELETE", "/both/5/0/mcp", "", 200, false, false},
		{"GET", "/both/5/0/mcp", "", 405, false, false},
		{"POST", "/both/5/0/mcp/events", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`, 200, true, true},
		{"POST", "/both/5/0/mcp/events", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"blob"}}`, 200, false, true},
		{"POST", "/both/5/0/mcp/events", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, 202, false, false},
		{"DELETE", "/both/5/0/mcp/events", "", 200, false, false},
	} {
		request := test.method + " " + test.path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + length(test.body) + "\r\n\r\n" + test.body
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		head, err := reader.Head()
		if err != nil {
			t.Fatal(err)
		}
		if head.Status != test.status || (head.Session != nil) != test.session || head.Events != test.events {
			t.Errorf("%s %s: status %d, session %q, events %t", test.method, test.path, head.Status, head.Session, head.Events)
		}
		events := head.Events
		body, err := reader.Body(head)
		if err != nil {
			t.Fatal(err)
		}
		if data, is := bytes.CutPrefix(body, []byte("event: message\ndata: {")); events && (!is || !bytes.HasSuffix(data, []byte("}\n\n"))) {
			t.Errorf("%s %s: %.100q", test.method, test.path, body)
		}
	}
}

func TestOneProcessServesAtManyAddresses(t *testing.T) {
	t.Parallel()
	var listeners []net.Listener
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, l)
	}
	served := make(chan error, 1)
	go func() { served <- backend.Serve(t.Context(), listeners...) }()
	for _, l := range listeners {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /both/5/0/mcp HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if head, err := http1.NewReader(conn).Head(); err != nil || head.Status != 405 {
			t.Errorf("%s: %d, %v", l.Addr(), head.Status, err)
		}
	}
	listeners[1].Close() // without one, all end
	listeners[0].Close()
	if err := <-served; err == nil {
		t.Error("no error")
	}
}

func length(s string) string {
	n, _ := json.Marshal(len(s))
	return string(n)
}

func TestProfilesComeBackFromTheirPaths(t *testing.T) {
	t.Parallel()
	all := backend.Profiles(3, backend.Profile{Era: backend.Modern, Tools: 10_000})
	for _, p := range append(all, backend.Profile{Era: backend.Both, Tools: 3, Events: true}) {
		if got, err := backend.ParsePath(p.Path()); err != nil || got != p {
			t.Errorf("%v, %v; want %v", got, err, p)
		}
	}
	for _, path := range []string{"", "/mcp", "/both/x/0/mcp", "/both/10/x/mcp", "/old/10/0/mcp", "/both/2/0/mcp", "/both/10/0/mcp/x", "/events"} {
		if _, err := backend.ParsePath(path); err == nil {
			t.Errorf("%q is accepted", path)
		}
	}
}
