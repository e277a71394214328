package h1_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"onemcp/internal/h1"
)

// echoHead answers with the head of the request, its lines sorted, and its body.
func echoHead(p *peer) {
	var lines []string
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			return
		}
		if line == "\r\n" {
			break
		}
		lines = append(lines, strings.TrimSuffix(line, "\r\n"))
	}
	slices.Sort(lines[1:])
	p.say(whole(strings.Join(lines, "|")))
	p.untilClosed()
}

func TestTheHeadOfARequest(t *testing.T) {
	t.Parallel()
	headers := func(req *http.Request, more ...string) *http.Request {
		for i := 0; i < len(more); i += 2 {
			req.Header[more[i]] = append(req.Header[more[i]], more[i+1])
		}
		return req
	}
	named := get("http://one.example")
	named.Host = "two.example"
	empty := post("http://one.example", "")
	empty.Body = http.NoBody
	tests := []struct {
		name string
		req  *http.Request
		want string
	}{
		{"no path", get("http://one.example"), "GET / HTTP/1.1|Host: one.example"},
		{"a query", get("http://one.example/a?b=c&d=%20"), "GET /a?b=c&d=%20 HTTP/1.1|Host: one.example"},
		{"an empty query", get("http://one.example/a?"), "GET /a? HTTP/1.1|Host: one.example"},
		{"an escaped path", get("http://one.example/a%2Fb/%C3%BC%20c"), "GET /a%2Fb/%C3%BC%20c HTTP/1.1|Host: one.example"},
		{"a fragment", get("http://one.example/a#b"), "GET /a HTTP/1.1|Host: one.example"},
		{"a port", get("http://one.example:8080/"), "GET / HTTP/1.1|Host: one.example:8080"},
		{"IPv6", get("http://[::1]:8080/"), "GET / HTTP/1.1|Host: [::1]:8080"},
		{"another name", named, "GET / HTTP/1.1|Host: two.example"},
		{"a body", post("http://one.example", "text"), "POST / HTTP/1.1|Content-Length: 4|Host: one.example"},
		{"no body of a POST", post("http://one.example", ""), "POST / HTTP/1.1|Content-Length: 0|Host: one.example"},
		{"an empty body", empty, "POST / HTTP/1.1|Content-Length: 0|Host: one.example"},
		{"headers", headers(get("http://one.example"), "Accept", "a\tb", "X", "1", "X", "2", "Empty", ""),
			"GET / HTTP/1.1|Accept: a\tb|Empty: |Host: one.example|X: 1|X: 2"},
		{"a mark without value", func() *http.Request {
			req := get("http://one.example")
			req.Header["Idempotency-Key"] = nil
			return req
		}(), "GET / HTTP/1.1|Host: one.example"},
		{"headers that would tell where it ends", headers(post("http://one.example", "text"),
			"Host", "evil.example", "Content-Length", "40", "content-length", "41", "Transfer-Encoding", "chunked", "Trailer", "X"),
			"POST / HTTP/1.1|Content-Length: 4|Host: one.example"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, echoHead)
			o := options()
			o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(s.url, "http://"))
			}
			rt := newClient(o)
			defer rt.CloseIdleConnections()
			wants(t, do(rt, tt.req), tt.want)
		})
	}
}

func TestAHeaderOfOneRequestTakesThePlaceOfThoseOfItsName(t *testing.T) {
	t.Parallel()
	s := serve(t, echoHead)
	address := strings.TrimPrefix(s.url, "http://")
	to := get(s.url + "/a").URL
	head, err := h1.NewHead(http.MethodPost, to, "", http.Header{"A": {"1", "2"}, "B": {"3"}})
	if err != nil {
		t.Fatal(err)
	}
	own, err := head.With([]h1.Field{{"b", "5"}, {"C", "6"}})
	if err != nil {
		t.Fatal(err)
	}
	other, err := own.With([]h1.Field{{"C", "7"}, {"Content-Length", "0"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		head *h1.Head
		more []h1.Field
		want string
	}{
		{head, nil, "A: 1|A: 2|B: 3|Content-Length: 4"},
		{head, []h1.Field{{"a", "4"}, {"Content-Length", "0"}, {"host", "x"}}, "B: 3|Content-Length: 4|a: 4"},
		{&own, nil, "A: 1|A: 2|C: 6|Content-Length: 4|b: 5"},
		{&own, []h1.Field{{"a", "4"}, {"c", "9"}}, "Content-Length: 4|a: 4|b: 5|c: 9"},
		{&other, nil, "A: 1|A: 2|C: 7|Content-Length: 4|b: 5"},
	} {
		o := options()
		o.Address = address
		rt := h1.New(o)
		defer rt.CloseIdleConnections()
		a, err := rt.Do(t.Context(), &h1.Request{Head: tt.head, More: tt.more, Body: []byte("body")})
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(a)
		_ = a.Close()
		host := "Host: " + address
		if lines := strings.Split(strings.Replace(string(got), "|"+host, "", 1), "|"); strings.Join(lines[1:], "|") != tt.want {
			t.Errorf("got %s, wanted %s", got, tt.want)
		}
	}
}

func TestAHeaderOfOneRequestThatCannotBeSentIsRefused(t *testing.T) {
	t.Parallel()
	o := options()
	o.Dial = func(context.Context, string, string) (net.Conn, error) {
		t.Error("it was dialled")
		return nil, errGone
	}
	head, err := h1.NewHead(http.MethodPost, get("http://one.example/").URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []h1.Field{{"X", "a\r\nEvil: b"}, {"X: a\r\nY", "b"}, {"", "b"}} {
		if _, err := h1.New(o).Do(t.Context(), &h1.Request{Head: head, More: []h1.Field{f}}); err == nil {
			t.Errorf("%q was sent", f)
		}
		if _, err := head.With([]h1.Field{f}); err == nil {
			t.Errorf("%q was taken in", f)
		}
	}
}

func TestARequestThatCannotBeSentIsRefusedBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(r *http.Request){
		"a line break in a value":     func(r *http.Request) { r.Header["X"] = []string{"a", "b\r\nEvil: c"} },
		"a line feed in a value":      func(r *http.Request) { r.Header["X"] = []string{"a\nEvil: c"} },
		"a carriage return":           func(r *http.Request) { r.Header["X"] = []string{"a\rEvil: c"} },
		"a zero byte":                 func(r *http.Request) { r.Header["X"] = []string{"a\x00b"} },
		"a line break in a name":      func(r *http.Request) { r.Header["X: y\r\nEvil"] = []string{"c"} },
		"a colon in a name":           func(r *http.Request) { r.Header["Content-Length:"] = []string{"c"} },
		"a space in a name":           func(r *http.Request) { r.Header["Content-Length "] = []string{"c"} },
		"a letter beyond ASCII":       func(r *http.Request) { r.Header["Über"] = []string{"c"} },
		"no name":                     func(r *http.Request) { r.Header[""] = []string{"c"} },
		"a space in the method":       func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\nX:" },
		"a line break in the host":    func(r *http.Request) { r.Host = "a\r\nEvil: c" },
		"a line break in the query":   func(r *http.Request) { r.URL.RawQuery = "a\r\nEvil: c" },
		"a line break in the address": func(r *http.Request) { r.URL.Opaque = "//a\r\nEvil: c" },
		"another scheme":              func(r *http.Request) { r.URL.Scheme = "https" },
		"no host":                     func(r *http.Request) { r.URL.Host, r.Host = "", "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.Dial = func(context.Context, string, string) (net.Conn, error) {
				t.Error("it was dialled")
				return nil, errGone
			}
			req := post("http://one.example", "x")
			spoil(req)
			if got := do(newClient(o), req); got.err == nil {
				t.Error("it was sent")
			}
		})
	}
}

// FuzzHead holds that a request that is sent is read by net/http as the one request that it is.
func FuzzHead(f *testing.F) {
	f.Add("POST", "one.example", "X", "a", "b=c")
	f.Add("POST", "one.example", "Content-Length", "7", "")
	f.Add("GET / HTTP/1.1\r\n", "a\r\nb", "c\r\n", "\r\nd", "\r\n")
	f.Fuzz(func(t *testing.T, method, host, name, value, query string) {
		client, server := net.Pipe()
		o := options()
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return client, nil }
		req := post("http://one.example/", "body")
		req.Method, req.Host, req.URL.RawQuery, req.Header = method, host, query, http.Header{name: {value}}
		read := make(chan struct{})
		go func() {
			defer close(read)
			defer func() { _ = server.Close() }()
			r := bufio.NewReader(server)
			if _, err := r.Peek(1); err != nil {
				return
			}
			got, err := http.ReadRequest(r)
			if err != nil {
				return // refused: no harm
			}
			text, _ := io.ReadAll(got.Body)
			if got.Method != method || string(text) != "body" || got.ContentLength != 4 || len(got.Header) > 2 || r.Buffered() > 0 {
				t.Errorf("%+v %q, and %d bytes", got, text, r.Buffered())
			}
		}()
		_ = do(newClient(o), req)
		_ = client.Close()
		<-read
	})
}
