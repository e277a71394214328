package server

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// heads are plain heads, the classics of request smuggling, and what else may be read in two ways.
var heads = []string{
	"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"POST /mcp?x=%20y HTTP/1.1\r\nHost: a:8080\r\nContent-Type: application/json\r\nContent-Length: 17\r\nConnection: keep-alive\r\n\r\n",
	"POST / HTTP/1.1\r\nhost: [::1]:1\r\ncontent-length:\t 007 \t\r\nX: \t b c \t\r\nx: d\r\nconnection: Close\r\n\r\n",
	"DELETE //a/../b;c HTTP/1.1\r\nX-Empty:\r\nHost: a\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nX: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nX: y\r\r\nContent-Length: 5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \v5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nhost:\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n",
	"GET / HTTP/1.1\r\n\r\n",
	"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
	"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
	"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
	"get / HTTP/1.1\r\nHost: a\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: Content-Length\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nPragma: no-cache\r\n\r\n",
	"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
	"GET / HTTP/1.1\r\n: a\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
	"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"\r\n\r\n",
}

// FuzzAPlainHeadIsReadAsNetHTTPReadsIt: what parseHead takes, net/http takes too, and understands in the same way.
func FuzzAPlainHeadIsReadAsNetHTTPReadsIt(f *testing.F) {
	for _, raw := range heads {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		end := bytes.Index(raw, []byte(emptyLine))
		if end < 0 {
			return
		}
		raw = raw[:end+len(emptyLine)]
		h, ok := parseHead(raw)
		if !ok {
			return
		}
		agree(t, h, raw)
		if !h.again(raw) {
			t.Error("it is not the same as itself")
		}
		agree(t, h, raw)
		for n := range raw {
			if bytes.IndexByte(raw[:n], '\n') >= 0 && !beginsHead(raw[:n]) {
				t.Errorf("%q does not begin it", raw[:n])
			}
		}
	})
}

// agree reports a test's failure unless h is what net/http reads in raw, and nothing is left of that.
func agree(t *testing.T, h *head, raw []byte) {
	t.Helper()
	const body = "more bytes"
	in := bufio.NewReader(strings.NewReader(string(raw) + body))
	want, err := http.ReadRequest(in)
	if err != nil {
		t.Fatalf("net/http does not take %q: %v", raw, err)
	}
	delete(want.Header, "Content-Length")
	got := &h.request
	switch {
	case got.Method != want.Method, got.RequestURI != want.RequestURI, !reflect.DeepEqual(got.URL, want.URL), got.Host != want.Host:
		t.Errorf("%q: got %s %s %+v of %s", raw, got.Method, got.RequestURI, got.URL, got.Host)
	case got.Proto != want.Proto, got.ProtoMajor != want.ProtoMajor, got.ProtoMinor != want.ProtoMinor, got.Close != want.Close:
		t.Errorf("%q: got %s, close %t", raw, got.Proto, got.Close)
	case h.length != want.ContentLength, want.TransferEncoding != nil, want.Trailer != nil:
		t.Errorf("%q: %d bytes, wanted %d", raw, h.length, want.ContentLength)
	case !maps.EqualFunc(got.Header, want.Header, func(a, b []string) bool { return reflect.DeepEqual(a, b) }):
		t.Errorf("%q: got %v, wanted %v", raw, got.Header, want.Header)
	}
	if rest, err := io.ReadAll(in); err != nil || string(rest) != body {
		t.Errorf("%q: the head ends before %q", raw, rest)
	}
}

// FuzzAHeadTakenForTheSameIsTheSame: what again takes, parseHead reads as the same but for the length.
func FuzzAHeadTakenForTheSameIsTheSame(f *testing.F) {
	for _, raw := range heads {
		for _, other := range []string{raw, strings.Replace(raw, "5", "75", 1), strings.Replace(raw, "17", "1", 1), strings.Replace(raw, "7", "", 1)} {
			f.Add([]byte(raw), []byte(other))
		}
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		h, ok := parseHead(first)
		if !ok || bytes.Index(second, []byte(emptyLine)) != len(second)-len(emptyLine) || !h.again(second) {
			return
		}
		want, ok := parseHead(second)
		if !ok {
			t.Fatalf("%q is not plain, but taken for %q", second, first)
		}
		want.request.Header, h.request.Header = nil, sameHeader(t, h.request.Header, want.request.Header)
		if h.length != want.length || h.sized != want.sized || !reflect.DeepEqual(&h.request, &want.request) {
			t.Errorf("%q after %q: got %d bytes of %+v", second, first, h.length, &h.request)
		}
		agreeLength(t, h, second)
	})
}

func sameHeader(t *testing.T, got, want http.Header) http.Header {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, wanted %v", got, want)
	}
	return nil
}

func agreeLength(t *testing.T, h *head, raw []byte) {
	t.Helper()
	want, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil || want.ContentLength != h.length {
		t.Errorf("%q: %d bytes, net/http: %v", raw, h.length, err)
	}
}

// TestHostsAreThoseNetHTTPTakes: its test of them is not within reach of the fuzzing.
func TestHostsAreThoseNetHTTPTakes(t *testing.T) {
	t.Parallel()
	const unreserved = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]"
	for c := range 256 {
		if got, want := isHost(string([]byte{byte(c)})), strings.IndexByte(unreserved, byte(c)) >= 0; got != want {
			t.Errorf("%q: %t", rune(c), got)
		}
	}
}

func TestWhatCannotBecomePlainIsKnownEarly(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"no request":     "hello\r\n",
		"nothing":        "\r\n",
		"bare ends":      "GET / HTTP/1.1\nHost: a\n\n",
		"a bare end":     "GET / HTTP/1.1\r\nHost: a\n",
		"an old version": "GET / HTTP/1.0\r\nX",
		"no field":       "GET / HTTP/1.1\r\nhello\r\n",
		"chunks":         "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHo",
		"too many lines": "POST / HTTP/1.1\r\n" + strings.Repeat("A:b\r\n", maxLines),
	} {
		if beginsHead([]byte(raw)) {
			t.Error(name)
		}
	}
}
