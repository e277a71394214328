package load_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onemcp/bench/backend"
	"onemcp/bench/load"
)

// wrapped is a right backend whose answers a test spoils.
func wrapped(t *testing.T, spoil func(w http.ResponseWriter, answer string)) string {
	t.Helper()
	s := testServer(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		status, answer, opens := s.Answer(body)
		if opens {
			w.Header().Set("Mcp-Session-Id", "s1")
		}
		if spoil != nil && strings.Contains(string(body), "tools/call") {
			spoil(w, string(answer))
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write(answer)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/mcp"
}

func echoOnce(t *testing.T, url string, era backend.Era) error {
	t.Helper()
	crowd, err := load.Crowd(era, 1, url)
	if err != nil {
		t.Fatal(err)
	}
	defer load.Disperse(crowd)
	return load.EchoCall([]string{backend.Echo})(crowd[0])
}

func TestRightAnswersPassInEveryForm(t *testing.T) {
	t.Parallel()
	forms := map[string]func(http.ResponseWriter, string){
		"fixed length": nil,
		"chunked": func(w http.ResponseWriter, answer string) {
			_, _ = io.WriteString(w, answer[:20])
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, answer[20:])
		},
		"events": func(w http.ResponseWriter, answer string) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, ": hello\n\nid: 1\ndata:\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"id\":1}}\n\n")
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "data: "+answer+"\r\n\r\n")
		},
		"closing": func(w http.ResponseWriter, answer string) {
			w.Header().Set("Connection", "close")
			_, _ = io.WriteString(w, answer)
		},
	}
	for name, form := range forms {
		for _, era := range []backend.Era{backend.Legacy, backend.Modern} {
			t.Run(name+", "+string(era), func(t *testing.T) {
				t.Parallel()
				if err := echoOnce(t, wrapped(t, form), era); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestWrongAnswersAreErrors(t *testing.T) {
	t.Parallel()
	write := func(change func(string) string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, answer string) { _, _ = io.WriteString(w, change(answer)) }
	}
	replace := func(old, with string) func(http.ResponseWriter, string) {
		return write(func(answer string) string { return strings.Replace(answer, old, with, 1) })
	}
	tests := map[string]struct {
		spoil func(http.ResponseWriter, string)
		want  string
	}{
		"another id":         {replace(`"id":2`, `"id":3`), `the answer to id 2 has id "3"`},
		"the id as a string": {replace(`"id":2`, `"id":"2"`), `the answer to id 2 has id "\"2\""`},
		"the id as a float":  {replace(`"id":2`, `"id":2.0`), `the answer to id 2 has id "2.0"`},
		"no id":              {replace(`"id":2,`, ``), `has id ""`},
		"another text":       {replace(`call 1 `, `call 9 `), `the text is "call 9 `},
		"a longer text":      {replace(`"}]`, `."}]`), `of 65 bytes, not "call 1 `},
		"no content":         {replace(`"content"`, `"x"`), `the text is ""`},
		"an error":           {write(func(string) string { return `{"jsonrpc":"2.0","id":2,"error":{"code":-1,"message":"no"}}` }), `"message":"no"`},
		"a bad status":       {func(w http.ResponseWriter, _ string) { w.WriteHeader(502) }, `status 502`},
		"an empty answer":    {write(func(string) string { return "" }), `has id ""`},
		"no answer":          {func(http.ResponseWriter, string) { panic(http.ErrAbortHandler) }, `no answer`},
		"a stream without an answer": {func(w http.ResponseWriter, _ string) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, ": nothing\n\n")
		}, `has id ""`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := echoOnce(t, wrapped(t, test.spoil), backend.Legacy)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want one that holds %q", err, test.want)
			}
		})
	}
}

// apart is a host of servers under paths of their own, each of which knows only the sessions that it opened.
func apart(t *testing.T) (url string, calls func(path string) int64) {
	t.Helper()
	s := testServer(t)
	counts := map[string]*atomic.Int64{"/a": {}, "/b": {}, "/c": {}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		status, answer, opens := s.Answer(body)
		own := "session of " + r.URL.Path
		if opens {
			w.Header().Set("Mcp-Session-Id", own)
		} else if r.Header.Get("Mcp-Session-Id") != own {
			t.Errorf("%s %s with session %q", r.Method, r.URL.Path, r.Header.Get("Mcp-Session-Id"))
		}
		if strings.Contains(string(body), "tools/call") {
			counts[r.URL.Path].Add(1)
		}
		w.WriteHeader(status)
		_, _ = w.Write(answer)
	}))
	t.Cleanup(server.Close)
	return server.URL, func(path string) int64 { return counts[path].Load() }
}

func TestAClientHasASessionAtEachEndpoint(t *testing.T) {
	t.Parallel()
	url, calls := apart(t)
	crowd, err := load.Crowd(backend.Legacy, 2, url+"/a", url+"/b", url+"/c")
	if err != nil {
		t.Fatal(err)
	}
	defer load.Disperse(crowd)
	if err := load.Warm(t.Context(), crowd, load.EchoTour, 0, 3); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/a", "/b", "/c"} {
		if n := calls(path); n != 2 {
			t.Errorf("%s was called %d times by two clients", path, n)
		}
	}
}

func TestEndpointsOnTwoHostsAreRefused(t *testing.T) {
	t.Parallel()
	_, err := load.Dial(backend.Modern, 0, "http://127.0.0.1:1/a", "http://127.0.0.1:2/b")
	if err == nil || !strings.Contains(err.Error(), "connected to 127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}

func TestOneWrongAnswerAmongManyFailsTheRun(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	url := wrapped(t, func(w http.ResponseWriter, answer string) {
		if calls.Add(1) == 100 {
			answer = strings.Replace(answer, "call ", "cull ", 1)
		}
		_, _ = io.WriteString(w, answer)
	})
	crowd, err := load.Crowd(backend.Legacy, 4, url)
	if err != nil {
		t.Fatal(err)
	}
	defer load.Disperse(crowd)
	result, err := load.Run(t.Context(), crowd, load.EchoCall([]string{backend.Echo}), time.Hour)
	if err == nil || !strings.Contains(err.Error(), "cull") {
		t.Errorf("got %v", err)
	}
	if result.Calls < 99 {
		t.Errorf("%d calls were counted", result.Calls)
	}
}

func TestAMissingAnswerEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c, err := load.Dial(backend.Modern, 0, "http://"+listener.Addr().String()+"/mcp")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Deadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if err := load.EchoCall([]string{"echo"})(c); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v, want a timeout", err)
	}
}

func TestAnEndedContextEndsTheRun(t *testing.T) {
	t.Parallel()
	crowd, err := load.Crowd(backend.Modern, 2, wrapped(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer load.Disperse(crowd)
	ctx, cancel := context.WithCancel(t.Context())
	var once atomic.Bool
	_, err = load.Run(ctx, crowd, func(c *load.Client) error {
		if once.CompareAndSwap(false, true) {
			cancel()
		}
		return load.List(3)(c)
	}, time.Hour)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestQuantilesAreRightToTwoPercent(t *testing.T) {
	t.Parallel()
	var h, other load.Histogram
	for i := range 100_000 {
		h.Add(time.Duration(i) * time.Microsecond)
	}
	other.Add(time.Hour)
	h.Merge(&other)
	for _, q := range []float64{0.0001, 0.5, 0.99, 0.999} {
		want := q * 0.1
		if got := h.Quantile(q).Seconds(); got < want*0.98 || got > want*1.02 {
			t.Errorf("quantile %v is %v s, want %v", q, got, want)
		}
	}
	if got := h.Quantile(1); got != 0 && got < time.Minute {
		t.Errorf("the largest is %v", got)
	}
}

func TestToolsOfBackendsAreFoundBehindPrefixes(t *testing.T) {
	t.Parallel()
	got := load.Named([]string{"echo", "b0_1mcp_echo", "b1__echo", "reecho", "echo2", "b1.blob"}, "echo")
	if strings.Join(got, " ") != "echo b0_1mcp_echo b1__echo" {
		t.Errorf("got %v", got)
	}
}
