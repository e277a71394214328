package h1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// oddHeads are answers whose heads one could understand in more ways than one.
var oddHeads = []string{
	"HTTP/1.1 200 OK\r\nContent-Type: a\r\n b\r\nContent-Length: 1\r\n\r\nx",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\t\r\n\r\nx",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n 2\r\n\r\nx",
	"HTTP/1.1 200 OK\r\nContent-Length: 01\r\nContent-Length: 1\r\n\r\nx",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\r\n\r\nx",
	"HTTP/1.1 200 OK\nContent-Length:1\n\nx",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chun\u212aed\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n c\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\r\n\r\n",
	"HTTP/1.1 200 OK\r\nA\r\n :\r\n\r\n",
	"HTTP/1.0 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\nConnection: x, Keep-Alive\r\n\r\nxy",
	"HTTP/1.1 200 OK\r\nConnection: x ,\tclose\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1  204 \r\nContent-Length: 1\r\n\r\nx",
	"HTTP/1.1 +20 OK\r\n\r\n",
	"HTTP/1.1 099 OK\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching\r\n\r\nx",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n Content-Length: 2\r\n\r\nxy",
	"HTTP/1.1 200 OK\r\nContent-Type: \u00e4\r\n\r\n",
}

// FuzzAnswerIsReadAsNetHTTPReadsIt holds that what is not refused is what net/http would have made of the same bytes.
func FuzzAnswerIsReadAsNetHTTPReadsIt(f *testing.F) {
	for _, text := range oddHeads {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := &conn{desk: &desk{r: bufio.NewReaderSize(bytes.NewReader(text), readBuffer)}, max: 64 << 10}
		frame, head, err := c.receive()
		if err != nil {
			return
		}
		a := &Answer{c: c, head: head, Status: frame.status, Type: c.kindOf(frame.kind)}
		kind := a.Get("content-type") // while it is there
		var got []byte
		var cut error
		if frame.hasBody(&Head{}) && frame.size() != 0 {
			a.begin(&frame, true)
			got, cut = readToEnd(a.readOn)
		}
		r := bufio.NewReaderSize(bytes.NewReader(text), readBuffer)
		want, err := finalResponse(r)
		if err != nil {
			t.Fatalf("net/http refuses it: %v", err)
		}
		body, wantCut := io.ReadAll(want.Body)
		if a.Status != want.StatusCode || !bytes.Equal(got, body) || (cut == nil) != (wantCut == nil) && !isStricter(cut, wantCut) {
			t.Errorf("%d %q, %v; net/http: %d %q, %v", a.Status, got, cut, want.StatusCode, body, wantCut)
		}
		if want.Close && !frame.shut && want.ContentLength >= 0 {
			t.Error("the connection would be kept, and not by net/http")
		}
		if theirs := want.Header.Get("Content-Type"); kind != a.Type || strings.Join(strings.Fields(kind), " ") != strings.Join(strings.Fields(theirs), " ") {
			t.Errorf("Content-Type %q and %q; net/http: %q", kind, a.Type, theirs)
		}
	})
}

// isStricter reports whether net/http takes a body that we do not: one whose first trailer is folded.
func isStricter(mine, theirs error) bool { return mine != nil && theirs == nil }

func finalResponse(r *bufio.Reader) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
}

func readToEnd(read func([]byte) (int, error)) (all []byte, err error) {
	for piece := make([]byte, 512); ; {
		n, err := read(piece)
		all = append(all, piece[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}
