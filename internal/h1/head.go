package h1

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Head is the head of a request, made once for many. It does not change, and is kept small: there may be one for each
// session of a backend.
type Head struct {
	method string
	start  string   // the request line, and Host
	text   string   // all fields
	lines  []string // of text, with their ends
}

// Field is a header of one request, name and value.
type Field = [2]string

// NewHead returns the head of requests to a URL, with the headers in h but for those that tell where the message goes
// or ends. The host is that of the URL if none is given. The error says what cannot be sent.
func NewHead(method string, to *url.URL, host string, h http.Header) (*Head, error) {
	if !isToken(method) {
		return nil, errors.New("the method of the request is not valid")
	}
	var text strings.Builder
	for name, values := range h {
		for _, v := range values {
			if err := checkField(name, v); err != nil {
				return nil, err
			}
			if !isOurs(name) {
				text.WriteString(name + ": " + v + "\r\n")
			}
		}
	}
	all := text.String()
	lines := strings.SplitAfter(all, "\r\n")
	head := Head{method: method, text: all, lines: lines[:len(lines)-1]}
	return head.At(to, host)
}

// At returns the same head for another URL.
func (h *Head) At(to *url.URL, host string) (*Head, error) {
	if host == "" {
		host = to.Host
	}
	path := to.RequestURI()
	switch {
	case to.Scheme != "http" || host == "":
		return nil, errors.New("the URL of the request is not one of plain HTTP")
	case !isLine(host) || !isLine(path):
		return nil, errors.New("a control character in the address of the request")
	}
	there := *h
	there.start = h.method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n"
	return &there, nil
}

// append appends the head of a request whose body has so many bytes. A header in more takes the place of those of its name.
func (h *Head) append(b []byte, more []Field, body int) []byte {
	b = append(b, h.start...)
	b = h.appendFields(b, more)
	for _, f := range more {
		if !isOurs(f[0]) {
			b = append(append(b, f[0]...), ": "...)
			b = append(append(b, f[1]...), "\r\n"...)
		}
	}
	if body > 0 || h.method == http.MethodPost {
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, int64(body), 10), "\r\n"...)
	}
	return append(b, "\r\n"...)
}

// appendFields appends the fields but for those that others take the place of.
func (h *Head) appendFields(b []byte, others []Field) []byte {
	if len(others) == 0 {
		return append(b, h.text...)
	}
	for _, l := range h.lines {
		if name, _, _ := strings.Cut(l, ":"); !holds(others, name) {
			b = append(b, l...)
		}
	}
	return b
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
