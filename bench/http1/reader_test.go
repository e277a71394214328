package http1_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"onemcp/bench/http1"
)

const answers = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCONTENT-LENGTH: 5\r\nMcp-Session-Id: s1\r\n\r\nhello" +
	"HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n" +
	"HTTP/1.1 202 Accepted\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n"

func TestMessagesAreReadHoweverTheyArrive(t *testing.T) {
	t.Parallel()
	readers := map[string]io.Reader{
		"at once":      strings.NewReader(answers),
		"byte by byte": iotest.OneByteReader(strings.NewReader(answers)),
		"in halves":    iotest.HalfReader(strings.NewReader(answers)),
	}
	for name, from := range readers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := http1.NewReader(from)
			expect(t, r, 200, "hello", func(h http1.Head) bool { return string(h.Session) == "s1" && !h.Events && h.Length == 5 })
			expect(t, r, 404, "abc0123456789", func(h http1.Head) bool { return h.Events && h.Chunked && h.Session == nil })
			expect(t, r, 202, "", func(h http1.Head) bool { return h.Close })
			if _, err := r.Head(); err != io.EOF {
				t.Errorf("after the last message: %v, want EOF", err)
			}
		})
	}
}

func expect(t *testing.T, r *http1.Reader, status int, body string, ok func(http1.Head) bool) {
	t.Helper()
	head, err := r.Head()
	if err != nil {
		t.Fatal(err)
	}
	if head.Status != status || !ok(head) {
		t.Errorf("wrong head %+v", head)
	}
	got, err := r.Body(head)
	if err != nil || string(got) != body {
		t.Errorf("body %q, %v; want %q", got, err, body)
	}
}

func TestLongBodiesAreWhole(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 200_000)
	r := http1.NewReader(iotest.HalfReader(strings.NewReader("POST /x HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n" + long + "GET /y HTTP/1.1\r\n\r\n")))
	head, err := r.Head()
	if err != nil {
		t.Fatal(err)
	}
	if body, err := r.Body(head); err != nil || string(body) != long {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	head, err = r.Head()
	if err != nil {
		t.Fatal(err)
	}
	if method, target := head.Line(); string(method) != "GET" || string(target) != "/y" {
		t.Errorf("%s %s", method, target)
	}
}

func TestBadMessagesAreErrors(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"cut in the head":    "HTTP/1.1 200 OK\r\nContent-",
		"cut in the body":    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
		"cut in a chunk":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		"cut before a chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"bad size":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"bad length":         "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"no header":          "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := http1.NewReader(strings.NewReader(text))
			head, err := r.Head()
			if err == nil {
				_, err = r.Body(head)
			}
			if err == nil || err == io.EOF {
				t.Errorf("got %v, want an error of its own", err)
			}
		})
	}
}

func FuzzReadingEndsOnAnyInput(f *testing.F) {
	f.Add(answers)
	f.Add("POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		for r := http1.NewReader(strings.NewReader(text)); ; {
			head, err := r.Head()
			if err == nil {
				_, err = r.Body(head)
			}
			if err != nil {
				return
			}
		}
	})
}
