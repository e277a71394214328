package h1

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// errBody says that the body of a request cannot be read, or is not as long as the request says.
var errBody = errors.New("the body of the request cannot be sent")

// check returns why a request cannot be sent, before anything is done for it.
func check(req *http.Request) error {
	switch {
	case req.URL == nil || req.URL.Scheme != "http" || req.URL.Host == "":
		return errors.New("the URL of the request is not one of plain HTTP")
	case !isToken(req.Method):
		return errors.New("the method of the request is not valid")
	case !isLine(host(req)) || !isLine(req.URL.RequestURI()):
		return errors.New("a control character in the address of the request")
	case hasBody(req) && req.ContentLength < 0:
		return fmt.Errorf("%w: its length is not known", errBody)
	}
	for name, values := range req.Header {
		if !isToken(name) {
			return fmt.Errorf("the name of header %q is not valid", name)
		}
		for _, v := range values {
			if !isLine(v) {
				return fmt.Errorf("a control character in the value of header %q", name)
			}
		}
	}
	return cause(req.Context(), nil)
}

// isLine reports whether s has no control characters but tabs: what a value may be made of.
func isLine(s string) bool {
	for i := range len(s) {
		if b := s[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}

func isToken(s string) bool {
	for i := range len(s) {
		if b := s[i]; b <= ' ' || b >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, b) >= 0 {
			return false
		}
	}
	return s != ""
}

func host(req *http.Request) string {
	if req.Host != "" {
		return req.Host
	}
	return req.URL.Host
}

func hasBody(req *http.Request) bool { return req.Body != nil && req.Body != http.NoBody }

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// again reports whether a request that failed on a kept connection may be sent on another one: if nothing of it was
// sent, or nothing of an answer came and it may be repeated though the other side may have seen it.
func again(req *http.Request, err error) bool {
	if hasBody(req) && req.GetBody == nil {
		return false
	}
	return errors.Is(err, errUnsent) || errors.Is(err, errStale) && repeatable(req)
}

// repeatable is what net/http takes for that.
func repeatable(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	_, marked := req.Header["Idempotency-Key"]
	return marked
}

// rewound returns req with its body from the start. req itself belongs to the caller.
func rewound(req *http.Request) (*http.Request, error) {
	if !hasBody(req) {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	fresh := *req
	fresh.Body = body
	return &fresh, nil
}

// appendHead appends the head of a request, without anything that net/http would add but Host and
// Content-Length.
func appendHead(b []byte, req *http.Request) []byte {
	b = append(append(b, req.Method...), ' ')
	b = append(append(b, req.URL.RequestURI()...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, host(req)...), "\r\n"...)
	if hasBody(req) || req.Method == http.MethodPost {
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, bodyLength(req), 10), "\r\n"...)
	}
	if req.Close {
		b = append(b, "Connection: close\r\n"...)
	}
	for name, values := range req.Header {
		if isOurs(name) {
			continue
		}
		for _, v := range values {
			b = append(append(b, name...), ": "...)
			b = append(append(b, v...), "\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}

// isOurs reports whether a header tells where the message goes or ends, which is said already.
func isOurs(name string) bool {
	switch len(name) {
	case len("Host"):
		return strings.EqualFold(name, "Host")
	case len("Trailer"):
		return strings.EqualFold(name, "Trailer")
	case len("Content-Length"):
		return strings.EqualFold(name, "Content-Length")
	case len("Transfer-Encoding"):
		return strings.EqualFold(name, "Transfer-Encoding")
	}
	return false
}

func bodyLength(req *http.Request) int64 {
	if !hasBody(req) {
		return 0
	}
	return req.ContentLength
}

// exactly passes on a number of bytes.
type exactly struct {
	w    io.Writer
	left int64
	err  error // of w
}

// Write implements io.Writer.
func (e *exactly) Write(p []byte) (int, error) {
	if int64(len(p)) > e.left {
		return 0, errLonger()
	}
	n, err := e.w.Write(p)
	e.left -= int64(n)
	e.err = err
	return n, err
}

// copyBody writes the body of a request to w. The error is errBody unless w fails.
func copyBody(w io.Writer, req *http.Request) error {
	e := &exactly{w: w, left: req.ContentLength}
	_, err := io.Copy(e, req.Body)
	switch {
	case e.err != nil:
		return e.err
	case err != nil:
		return asBody(err)
	case e.left > 0:
		return errShorter()
	}
	return nil
}

func asBody(err error) error {
	if errors.Is(err, errBody) {
		return err
	}
	return fmt.Errorf("%w: %w", errBody, err)
}

func errLonger() error  { return fmt.Errorf("%w: it is longer than the request says", errBody) }
func errShorter() error { return fmt.Errorf("%w: it is shorter than the request says", errBody) }
