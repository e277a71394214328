package h1

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Head is the head of a request, made once for many. It does not change.
type Head struct {
	text   []byte // the request line, Host, and the fields that Fields cannot take the place of
	fields []line
	sized  bool // it tells the length of the body though there is none
	silent bool // what answers it has no body
}

// line is one line of a head, with its end.
type line struct{ name, text string }

// Field is a header of one request, name and value.
type Field = [2]string

// NewHead returns the head of requests to a URL, with the headers in h but for those that tell where the message goes
// or ends. The host is that of the URL if none is given. The error says what cannot be sent.
func NewHead(method string, to *url.URL, host string, h http.Header) (*Head, error) {
	if host == "" {
		host = to.Host
	}
	path := to.RequestURI()
	switch {
	case to.Scheme != "http" || host == "":
		return nil, errors.New("the URL of the request is not one of plain HTTP")
	case !isToken(method):
		return nil, errors.New("the method of the request is not valid")
	case !isLine(host) || !isLine(path):
		return nil, errors.New("a control character in the address of the request")
	}
	head := &Head{
		text:   []byte(method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n"),
		sized:  method == http.MethodPost,
		silent: method == http.MethodHead,
	}
	for name, values := range h {
		for _, v := range values {
			if err := checkField(name, v); err != nil {
				return nil, err
			}
			if !isOurs(name) {
				head.fields = append(head.fields, line{name, name + ": " + v + "\r\n"})
			}
		}
	}
	return head, nil
}

// append appends the head of a request whose body has so many bytes. A header in more takes the place of those of its name.
func (h *Head) append(b []byte, more []Field, body int) []byte {
	b = append(b, h.text...)
	for _, l := range h.fields {
		if !holds(more, l.name) {
			b = append(b, l.text...)
		}
	}
	for _, f := range more {
		if !isOurs(f[0]) {
			b = append(append(b, f[0]...), ": "...)
			b = append(append(b, f[1]...), "\r\n"...)
		}
	}
	if body > 0 || h.sized {
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, int64(body), 10), "\r\n"...)
	}
	return append(b, "\r\n"...)
}

func holds(fields []Field, name string) bool {
	for _, f := range fields {
		if isSame(f[0], name) {
			return true
		}
	}
	return false
}

// checkField returns why a header cannot be sent.
func checkField(name, value string) error {
	switch {
	case !isToken(name):
		return fmt.Errorf("the name of header %q is not valid", name)
	case !isLine(value):
		return fmt.Errorf("a control character in the value of header %q", name)
	}
	return nil
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
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(b byte) bool {
	if 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || b == '-' {
		return true
	}
	return b > ' ' && b < 0x7f && strings.IndexByte(`()<>@,;:\"/[]?={}`, b) < 0
}

// isOurs reports whether a header tells where the message goes or ends, which is said already.
func isOurs(name string) bool {
	return isSame(name, "Host") || isSame(name, "Trailer") || isSame(name, "Content-Length") || isSame(name, "Transfer-Encoding")
}
