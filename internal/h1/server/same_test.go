package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// routes are the handlers of the conversations. What they answer tells all they see of a request.
var routes = map[string]http.HandlerFunc{
	"/tell": func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		header := r.Header.Clone()
		header.Del("Content-Length")
		w.Header().Set("Content-Type", "text/plain")
		_, _ = fmt.Fprintf(w, "%s %s %v %s %s close=%t length=%d %v %q %v %v\n", r.Method, r.RequestURI, r.URL, r.Host, r.Proto,
			r.Close, r.ContentLength, r.TransferEncoding, header, len(body), err)
		_, _ = w.Write(body[:min(len(body), 100)])
	},
	"/unread": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") },
	"/silent": func(http.ResponseWriter, *http.Request) {},
	"/partly": func(w http.ResponseWriter, r *http.Request) { _, _ = io.CopyN(w, r.Body, 10) },
	"/closed": func(w http.ResponseWriter, r *http.Request) {
		_ = r.Body.Close()
		_, err := r.Body.Read(make([]byte, 1))
		fmt.Fprint(w, err)
	},
	"/204":  status(http.StatusNoContent),
	"/304":  status(http.StatusNotModified),
	"/404":  status(http.StatusNotFound),
	"/599":  status(599),
	"/1000": status(1000),
	"/encoded": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "x")
		fmt.Fprint(w, "<html>")
	},
	"/html": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
	"/long": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("<p>", 50000)) },
	"/pieces": func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 {
			fmt.Fprint(w, strings.Repeat("x", 99))
		}
	},
	"/declared": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "150000")
		fmt.Fprint(w, "<p>")
		fmt.Fprint(w, strings.Repeat("<p>", 49999))
	},
	"/short": length("100"),
	"/over":  length("1"),
	"/late": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		w.Header().Set("Content-Length", "7")
		fmt.Fprint(w, "x")
	},
	"/flush": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); fmt.Fprint(w, "after") },
	"/flushes": func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "a")
		w.(http.Flusher).Flush()
		w.(http.Flusher).Flush()
		fmt.Fprint(w, "b")
	},
	"/flushes204": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); w.(http.Flusher).Flush() },
	"/twice": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(201)
		w.WriteHeader(500)
		fmt.Fprint(w, "x")
	},
	"/close": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		fmt.Fprint(w, "x")
	},
	"/breaks": func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["X"] = []string{"a\r\nSet-Cookie: b", "c\nd"}
		h["Bad Name"], h["Bad:Name\r\nX"] = []string{"x"}, []string{"x"}
	},
	"/chunked": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/x")
		w.Header().Set("Transfer-Encoding", "chunked")
		fmt.Fprint(w, "x")
		w.(http.Flusher).Flush()
	},
	"/nodate": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		w.Header()["Content-Type"] = nil
		fmt.Fprint(w, "x")
	},
	"/abort": func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "x")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	},
	"/aborted": func(w http.ResponseWriter, _ *http.Request) {
		length("100")(w, nil)
		w.(http.Flusher).Flush()
		panic("why")
	},
	"/panic": func(http.ResponseWriter, *http.Request) { panic("why") },
	"/gone":  func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done(); fmt.Fprint(w, r.Context().Err()) },
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/x")
		if code == 204 || code == 304 {
			w.Header().Set("Content-Length", "3")
		}
		w.WriteHeader(code)
		_, err := w.Write(nil)
		_, err2 := io.WriteString(w, "abc")
		if code != 204 && code != 304 && (err != nil || err2 != nil) {
			panic("cannot write")
		}
	}
}

func length(n string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", n)
		_, _ = io.WriteString(w, "a")
		_, _ = io.WriteString(w, "b")
	}
}

func routed(w http.ResponseWriter, r *http.Request) {
	if h := routes[r.URL.Path]; h != nil {
		h(w, r)
		return
	}
	routes["/tell"](w, r)
}

// conversation is what a client sends on a connection.
type conversation struct {
	name    string
	sent    string
	answers int  // that are read before the connection is tried with another request
	half    bool // the client says that it has sent all
	closes  bool // we close where net/http reads what is left of a body
}

const host = " HTTP/1.1\r\nHost: a\r\n"

func of(path string) string { return "GET " + path + host + "\r\n" }

func post(path, body string) string {
	return fmt.Sprintf("POST %s%sContent-Length: %d\r\n\r\n%s", path, host, len(body), body)
}

func chunks(path string) string {
	return "POST " + path + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
}

func conversations() (all []conversation) {
	for path := range routes {
		if path != "/gone" {
			all = append(all, conversation{name: "GET " + path, sent: of(path), answers: 1}, conversation{name: "HEAD " + path, sent: strings.Replace(of(path), "GET", "HEAD", 1), answers: 1},
				conversation{name: "three of " + path, sent: of("/tell") + of(path) + of("/tell"), answers: 3})
		}
	}
	for i, raw := range odd {
		all = append(all, conversation{name: fmt.Sprintf("odd %d", i), sent: raw, answers: 1}, conversation{name: fmt.Sprintf("odd %d after plain", i), sent: post("/tell", "x") + raw, answers: 2},
			conversation{name: fmt.Sprintf("odd %d, half closed", i), sent: raw, half: true, answers: 1})
	}
	return append(all, []conversation{
		{name: "a body", sent: post("/tell", "abc"), answers: 1},
		{name: "a body that waits for nobody", sent: post("/unread", "abc") + of("/tell"), answers: 2},
		{name: "a body read partly", sent: post("/partly", strings.Repeat("x", 1000)) + of("/tell"), answers: 2},
		{name: "a body closed", sent: post("/closed", strings.Repeat("x", 1000)) + of("/tell"), answers: 2},
		{name: "a long body", sent: post("/tell", strings.Repeat("x", 1<<20)) + of("/tell"), answers: 2},
		{name: "a long body not read", sent: post("/unread", strings.Repeat("x", 200<<10)), answers: 1, closes: true},
		{name: "a very long body not read", sent: post("/unread", strings.Repeat("x", 400<<10)), answers: 1, closes: true},
		{name: "a long body read partly", sent: post("/partly", strings.Repeat("x", 200<<10)), answers: 1, closes: true},
		{name: "plain, chunked, plain", sent: post("/tell", "abc") + chunks("/tell") + post("/tell", "abc"), answers: 3},
		{name: "a line break after a POST", sent: post("/tell", "abc") + "\r\n" + of("/tell"), answers: 2},
		{name: "line breaks after a POST", sent: post("/tell", "abc") + "\r\n\r\n" + post("/tell", "d") + "\n" + of("/tell"), answers: 3},
		{name: "too many line breaks after a POST", sent: post("/tell", "abc") + "\r\n\r\n\r\n" + of("/tell"), answers: 2},
		{name: "a line break after a GET", sent: of("/tell") + "\r\n" + of("/tell"), answers: 2},
		{name: "one length after another", sent: post("/tell", "abc") + post("/tell", strings.Repeat("x", 99)) + post("/tell", "") + post("/tell", "0"), answers: 4},
		{name: "a head nearly the same", sent: post("/tell", "abc") + strings.Replace(post("/tell", "abc"), "Length: 3", "Length: \r3", 1), answers: 2},
		{name: "a head with more digits", sent: post("/tell", "abc") + strings.Replace(post("/tell", "abc"), "Length: 3", "Length: 3 3", 1), answers: 2},
		{name: "expecting", sent: "POST /tell" + host + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", answers: 2},
		{name: "expecting something else", sent: "POST /tell" + host + "Expect: more\r\nContent-Length: 3\r\n\r\nabc", answers: 1},
		{name: "half closed", sent: of("/tell"), half: true, answers: 1},
		{name: "half closed before the end", sent: of("/gone"), half: true, answers: 1},
		{name: "half closed in a body", sent: strings.TrimSuffix(post("/tell", "abc"), "c"), half: true, answers: 1, closes: true},
		{name: "half closed at once", half: true, answers: 1},
		{name: "half closed in a head", sent: of("/tell")[:20], half: true, answers: 1},
		{name: "half closed in a line", sent: "GET", half: true, answers: 1},
		{name: "Connection: close", sent: "GET /tell" + host + "Connection: close\r\n\r\n" + of("/tell"), answers: 1},
		{name: "a long answer, then close", sent: "GET /long" + host + "Connection: close\r\n\r\n", answers: 1},
		{name: "hundreds", sent: strings.Repeat(post("/tell", "abc"), 300), answers: 300},
	}...)
}

// odd are requests that are not plain, and some that just are.
var odd = []string{
	chunks("/tell"),
	chunks("/unread"),
	strings.Replace(chunks("/tell"), "0\r\n\r\n", "0\r\nX: y\r\n\r\n", 1),
	strings.Replace(chunks("/tell"), "Transfer", "Content-Length: 3\r\nTransfer", 1),
	strings.Replace(chunks("/tell"), "chunked", "xchunked", 1),
	strings.Replace(chunks("/tell"), "chunked", "identity", 1),
	strings.Replace(chunks("/tell"), "Encoding:", "Encoding :", 1),
	strings.Replace(chunks("/tell"), "3\r\nabc", "x\r\nabc", 1),
	"GET /tell HTTP/1.0\r\n\r\n",
	"GET /tell HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	"GET /long HTTP/1.0\r\n\r\n",
	"GET /tell HTTP/2.0\r\nHost: a\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"GET /tell\r\n\r\n",
	"GET /tell HTTP/1.1\nHost: a\n\n",
	"GET /tell HTTP/1.1\r\nHost: a\n\n",
	"hello\r\n",
	"\x16\x03\x01\x00\xa5\x01\x00\r\n",
	"\r\n" + of("/tell"),
	"GET /tell HTTP/1.1\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost:\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: a/b\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: a,b\r\n\r\n",
	"GET http://b/tell" + host + "\r\n",
	"GET //b/tell" + host + "\r\n",
	"GET tell" + host + "\r\n",
	"GET /te ll" + host + "\r\n",
	"GET /%zz" + host + "\r\n",
	"GET /a#b" + host + "\r\n",
	"GET /\u00e9" + host + "\r\n",
	"OPTIONS *" + host + "\r\n",
	"OPTIONS /tell" + host + "\r\n",
	"CONNECT b:1" + host + "\r\n",
	"PUT /tell" + host + "Content-Length: 3\r\n\r\nabc",
	"get /tell" + host + "\r\n",
	"DELETE /tell" + host + "Content-Length: 3\r\n\r\nabc",
	"GET /tell" + host + "Content-Length: 3\r\n\r\nabc",
	"GET /tell" + host + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
	"GET /tell" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
	"GET /tell" + host + "Content-Length: +3\r\n\r\nabc",
	"GET /tell" + host + "Content-Length: -3\r\n\r\nabc",
	"GET /tell" + host + "Content-Length: 003\r\n\r\nabc",
	"GET /tell" + host + "Content-Length:\r\n\r\nabc",
	"GET /tell" + host + "Content-Length: 3\r\r\n\r\nabc",
	"GET /tell" + host + "Content-Length: \r3\r\n\r\nabc",
	"GET /tell" + host + "X: a\r\n b\r\n\r\n",
	"GET /tell\r\n" + host + "\r\n",
	"GET /tell" + host + " X: a\r\n\r\n",
	"GET /tell" + host + "X: a\x00b\r\n\r\n",
	"GET /tell" + host + "X: a\rb\r\n\r\n",
	"GET /tell" + host + "X: a\x7fb\r\n\r\n",
	"GET /tell" + host + "X: \u00e9\r\n\r\n",
	"GET /tell" + host + "X : a\r\n\r\n",
	"GET /tell" + host + "X(: a\r\n\r\n",
	"GET /tell" + host + ": a\r\n\r\n",
	"GET /tell" + host + "hello\r\n\r\n",
	"GET /tell" + host + "x-y: a\r\nX-Y:  b \r\nX_Y: c\r\nX:\r\n\r\n",
	"GET /tell" + host + "Pragma: no-cache\r\n\r\n",
	"GET /tell" + host + "Trailer: X\r\n\r\n",
	"GET /tell" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	"GET /tell" + host + "Connection: keep-alive\r\n\r\n",
	"GET /tell" + host + "Connection: keep-alive, close\r\n\r\n",
	"GET /tell" + host + "Connection: close\r\nConnection: keep-alive\r\n\r\n",
	"GET /tell" + host + "Connection: x\r\n\r\n",
	"GET /tell" + host + "X: " + strings.Repeat("x", 5000) + "\r\n\r\n",
	"GET /tell" + host + "X: " + strings.Repeat("x", 20000) + "\r\n\r\n",
	"GET /tell" + host + strings.Repeat("X: y\r\n", 200) + "\r\n",
	"GET /tell" + host + "X: " + strings.Repeat("x", 80000) + "\r\n\r\n",
}

// TestAClientCannotTellWhoServesIt holds the answers against those of net/http's server.
func TestAClientCannotTellWhoServesIt(t *testing.T) {
	t.Parallel()
	std := func() *http.Server {
		s := standard(routed)
		s.MaxHeaderBytes = 64 << 10
		return s
	}
	_, ours := serve(t, std())
	theirs := listen(t, std())
	for _, c := range conversations() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, want := c.with(t, ours), c.with(t, theirs)
			if c.closes {
				got, want = unkept(got), unkept(want)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwanted\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// with returns what comes back, a line for each answer, and whether the connection is of use after that.
func (c conversation) with(t *testing.T, address string) (lines []string) {
	conn := dial(t, address)
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, c.sent) // one that is closed sooner may have answered
	if c.half {
		if err := conn.Conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	for range c.answers {
		line, ok := conn.told(c.sent)
		if lines = append(lines, line); !ok {
			return lines
		}
	}
	_, _ = io.WriteString(conn, of("/tell?more")) // or it may be closed
	line, _ := conn.told("")
	return append(lines, "then: "+line)
}

// told returns all of an answer that must be the same, and false when none came.
func (c *client) told(sent string) (string, bool) {
	req := &http.Request{Method: http.MethodGet}
	if strings.HasPrefix(sent, "HEAD") {
		req.Method = http.MethodHead
	}
	resp, err := http.ReadResponse(c.r, req)
	if err != nil {
		return "none", false
	}
	body, err := io.ReadAll(resp.Body)
	resp.Header.Del("Date")
	return fmt.Sprintf("%s %v %d %v close=%t %v %d bytes %.400q", resp.Status, resp.Header, resp.ContentLength, resp.TransferEncoding, resp.Close, err, len(body), body), true
}

// unkept leaves out what tells whether the connection is kept.
func unkept(lines []string) []string {
	return []string{unkeptLine(lines[0])}
}

func unkeptLine(line string) string {
	return strings.NewReplacer("close=true", "close=false", "Connection:[close] ", "").Replace(line)
}
