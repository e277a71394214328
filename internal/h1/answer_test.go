package h1_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

// answers are what a server may send, and whether that is an answer.
func answers() map[string]struct {
	text string
	good bool
} {
	const ok = "HTTP/1.1 200 OK\r\n"
	zip := zipped("compressed")
	zipHead := func(n int) string { return fmt.Sprintf(ok+"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n", n) }
	return map[string]struct {
		text string
		good bool
	}{
		"a length":                        {whole("body"), true},
		"an empty body":                   {whole(""), true},
		"204":                             {"HTTP/1.1 204 No Content\r\n\r\n", true},
		"304":                             {"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", true},
		"413":                             {"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", true},
		"no length":                       {ok + "\r\nuntil the end", true},
		"HTTP/1.0":                        {"HTTP/1.0 200 OK\r\n\r\nuntil the end", true},
		"no reason":                       {"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", true},
		"chunks":                          {ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n", true},
		"chunks and a trailer":            {ok + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 7\r\n\r\n", true},
		"a trailer over the limit":        {ok + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n0\r\nX-Sum: " + strings.Repeat("7", 40<<10) + "\r\n\r\n", false},
		"promises":                        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + whole("body"), true},
		"many promises":                   {strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100) + whole("body"), true},
		"promises without end":            {strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 4000) + whole("body"), false},
		"a promise and nothing":           {"HTTP/1.1 100 Continue\r\n\r\n", false},
		"nothing":                         {"", false},
		"half a head":                     {ok + "Content-Le", false},
		"half a body":                     {ok + "Content-Length: 9\r\n\r\nhalf", false},
		"half a chunk":                    {ok + "Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", false},
		"chunks without their end":        {ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", false},
		"a chunk of no size":              {ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n", false},
		"a chunk of a huge size":          {ok + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n", false},
		"a chunk longer than its size":    {ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", false},
		"compressed":                      {zipHead(len(zip)) + zip, true},
		"compressed and cut":              {zipHead(len(zip)-9) + zip[:len(zip)-9], false},
		"compressed and broken off":       {zipHead(len(zip)) + zip[:len(zip)-9], false},
		"compressed and changed":          {zipHead(len(zip)) + zip[:len(zip)-5] + "xxxxx", false},
		"compressed, it is said":          {zipHead(12) + "not so at all", false},
		"compressed nothing":              {zipHead(0), true},
		"two lengths":                     {ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy", false},
		"one length twice":                {ok + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", true},
		"two lengths in a list":           {ok + "Content-Length: 1, 2\r\n\r\nxy", false},
		"a negative length":               {ok + "Content-Length: -1\r\n\r\nx", false},
		"a length with a sign":            {ok + "Content-Length: +1\r\n\r\nx", false},
		"an empty length":                 {ok + "Content-Length:\r\n\r\nx", false},
		"a length beyond numbers":         {ok + "Content-Length: 99999999999999999999\r\n\r\nx", false},
		"a length and chunks":             {ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", true},
		"an unknown transfer coding":      {ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", false},
		"chunked twice":                   {ok + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", false},
		"a tab in the transfer coding":    {ok + "Transfer-Encoding:\tchunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", true},
		"an odd transfer coding":          {ok + "Transfer-Encoding: xchunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", false},
		"bare line feeds":                 {"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", true},
		"a bare carriage return":          {ok + "X: a\rb\r\nContent-Length: 1\r\n\r\nx", false},
		"a space before the colon":        {ok + "Content-Length : 1\r\n\r\nx", true}, // taken for none: until the end
		"a line without colon":            {ok + "Content-Length\r\n\r\nx", false},
		"a folded line":                   {ok + "X: a\r\n b\r\nContent-Length: 1\r\n\r\nx", true},
		"a folded first line":             {ok + " X: a\r\nContent-Length: 1\r\n\r\nx", false},
		"a header without name":           {ok + ": a\r\nContent-Length: 1\r\n\r\nx", false},
		"a zero byte":                     {ok + "X: a\x00b\r\nContent-Length: 1\r\n\r\nx", false},
		"no version":                      {"200 OK\r\n\r\n", false},
		"a version unheard of":            {"HTTP/1.x 200 OK\r\n\r\n", false},
		"another protocol":                {"SSH-2.0-OpenSSH_9.9\r\n", false},
		"a status of two digits":          {"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", false},
		"a status of letters":             {"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n", false},
		"a head just under the limit":     {ok + "X: " + strings.Repeat("x", 60<<10) + "\r\nContent-Length: 1\r\n\r\nx", true},
		"a head over the limit":           {ok + "X: " + strings.Repeat("x", 70<<10) + "\r\nContent-Length: 1\r\n\r\nx", false},
		"a body much over the limit":      {whole(strings.Repeat("x", 1<<20)), true},
		"an empty line before the answer": {"\r\n" + whole("x"), false},
	}
}

// TestAnAnswerIsWhatNetHTTPTakesItFor gives each answer to both transports.
func TestAnAnswerIsWhatNetHTTPTakesItFor(t *testing.T) {
	t.Parallel()
	for name, a := range answers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(p *peer) {
				if _, _, ok := p.request(); ok {
					p.say(a.text)
				}
			})
			theirs := &http.Transport{MaxResponseHeaderBytes: 64 << 10}
			defer theirs.CloseIdleConnections()
			want := do(theirs, post(s.url, "x"))
			got := do(transport(t), post(s.url, "x"))
			if got.status != want.status || got.body != want.body ||
				(got.err == nil) != (want.err == nil) || (got.cut == nil) != (want.cut == nil) {
				t.Errorf("got %+.300v\nnet/http %+.300v", got, want)
			}
			if good := got.err == nil && got.cut == nil; good != a.good {
				t.Errorf("it is good: %t; %v, %v", good, got.err, got.cut)
			}
		})
	}
}

func TestACompressedAnswerLooksAsIfItWereNot(t *testing.T) {
	t.Parallel()
	zip := zipped("compressed")
	s, rt := serve(t, func(p *peer) {
		for {
			if _, _, ok := p.request(); !ok {
				return
			}
			p.say(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: GZIP\r\nContent-Length: %d\r\n\r\n%s", len(zip), zip))
		}
	}), transport(t)
	for range 2 {
		resp, err := rt.RoundTrip(post(s.url, "x"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.ContentLength != -1 || string(text) != "compressed" {
			t.Errorf("length %d, %q, %v", resp.ContentLength, text, err)
		}
		_ = resp.Body.Close()
	}
	counts(t, s, 1, 2)
}

func TestHEADHasNoBodyWhateverItsLength(t *testing.T) {
	t.Parallel()
	s, rt := serve(t, func(p *peer) {
		for {
			if _, _, ok := p.request(); !ok {
				return
			}
			p.say("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
		}
	}), transport(t)
	for range 2 {
		wants(t, do(rt, request(t.Context(), http.MethodHead, s.url, "")), "")
	}
	counts(t, s, 1, 2)
}

func TestAnAnswerBeforeTheEndOfTheRequest(t *testing.T) {
	t.Parallel()
	read := make(chan struct{})
	s, rt := serve(t, func(p *peer) {
		if p.n > 1 {
			plain(p)
			return
		}
		_, _ = p.r.ReadByte()
		p.say("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nstop")
		<-read // or unread bytes would reset the connection, and with it the answer
	}), transport(t)
	b := newTracked(strings.Repeat("x", 64<<20))
	got := do(rt, withBody(post(s.url, ""), b))
	close(read)
	if wants(t, got, "stop"); got.status != http.StatusRequestEntityTooLarge || !b.isClosed() {
		t.Errorf("status %d; the body is closed: %t", got.status, b.isClosed())
	}
	wants(t, do(rt, post(s.url, "x")), "connection 2")
}

func TestAnAnswerWithoutBodyBeforeTheEndOfTheRequest(t *testing.T) {
	t.Parallel()
	s, rt := serve(t, func(p *peer) {
		_, _ = p.r.ReadByte()
		p.say("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
		p.untilClosed()
	}), transport(t)
	b := newTracked(strings.Repeat("x", 64<<20))
	resp, err := rt.RoundTrip(withBody(post(s.url, ""), b))
	if err != nil || !b.isClosed() {
		t.Fatalf("%v; the body is closed: %t", err, b.isClosed())
	}
	_ = resp.Body.Close()
	rt.CloseIdleConnections() // where the rest of the request was as fast as the answer
	<-s.ended
}

func TestAServerThatReadsSlowlyGetsAll(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	s, rt := serve(t, func(p *peer) {
		req, err := http.ReadRequest(p.r)
		if err != nil {
			return
		}
		n, one := 0, make([]byte, 1000)
		for {
			k, err := req.Body.Read(one)
			if n += k; err != nil {
				break
			}
		}
		p.say(whole(fmt.Sprint(n)))
	}), transport(t)
	b := newTracked(strings.Repeat("x", size))
	wants(t, do(rt, withBody(post(s.url, ""), b)), fmt.Sprint(size))
}

func TestAServerThatGoesInTheMiddleOfTheRequest(t *testing.T) {
	t.Parallel()
	s, rt := serve(t, func(p *peer) { _, _ = p.r.ReadByte() }), transport(t)
	for _, size := range []int{1 << 10, 8 << 20} {
		b := newTracked(strings.Repeat("x", size))
		if got := do(rt, withBody(post(s.url, ""), b)); got.err == nil || !b.isClosed() {
			t.Errorf("got %d, %v; the body is closed: %t", got.status, got.err, b.isClosed())
		}
	}
}

// FuzzAnswer sends any bytes as an answer. They must do no more harm than to be refused: the next request gets its
// own answer.
func FuzzAnswer(f *testing.F) {
	for _, a := range answers() {
		if len(a.text) < 4<<10 {
			f.Add([]byte(a.text))
		}
	}
	f.Add([]byte(whole("first") + whole("stray")))
	given := make(chan []byte, 1)
	s := serve(f, func(p *peer) {
		for {
			if req, _, ok := p.request(); !ok {
				return
			} else if req.URL.Path == "/next" {
				p.say(whole("the next"))
				continue
			}
			_, _ = p.Write(<-given)
			return
		}
	})
	f.Fuzz(func(t *testing.T, answer []byte) {
		if len(answer) > 32<<10 {
			t.Skip("would not come in one piece")
		}
		rt := newClient(options())
		defer rt.CloseIdleConnections()
		given <- answer
		_ = do(rt, post(s.url, "x"))
		<-s.ended
		wants(t, do(rt, post(s.url+"/next", "x")), "the next")
		rt.CloseIdleConnections()
		<-s.ended
	})
}
