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
// session of a backend, and they share what they have in common.
type Head struct {
	method string
	start  string // the request line, and Host
	text   string // the fields
	own    string // the others, of [Head.With]
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
	head, err := (&Head{method: method, text: text.String()}).At(to, host)
	if err != nil {
		return nil, err
	}
	return &head, nil
}

// With returns the head with more headers, which take the place of those of their names. The rest is shared.
func (h *Head) With(more []Field) (Head, error) {
	for _, f := range more {
		if err := checkField(f[0], f[1]); err != nil {
			return Head{}, err
		}
	}
	there := *h
	if text := appendOthers(nil, h.text, more); len(text) < len(h.text) {
		there.text = string(text)
	}
	there.own = string(appendOwn(appendOthers(nil, h.own, more), more))
	return there, nil
}

// At returns the same head for another URL.
func (h *Head) At(to *url.URL, host string) (Head, error) {
	if host == "" {
		host = to.Host
	}
	path := to.RequestURI()
	switch {
	case to.Scheme != "http" || host == "":
		return Head{}, errors.New("the URL of the request is not one of plain HTTP")
	case !isLine(host) || !isLine(path):
		return Head{}, errors.New("a control character in the address of the request")
	}
	there := *h
	there.start = h.method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n"
	return there, nil
}

// append appends the head of a request whose body has so many bytes. A header in more takes the place of those of its name.
func (h *Head) append(b []byte, more []Field, body int) []byte {
	b = append(b, h.start...)
	b = appendOthers(b, h.text, more)
	b = appendOthers(b, h.own, more)
	b = appendOwn(b, more)
	if body > 0 || h.method == http.MethodPost {
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, int64(body), 10), "\r\n"...)
	}
	return append(b, "\r\n"...)
}

// appendOwn appends fields but for those that are told already.
func appendOwn(b []byte, fields []Field) []byte {
	for _, f := range fields {
		if !isOurs(f[0]) {
			b = append(append(b, f[0]...), ": "...)
			b = append(append(b, f[1]...), "\r\n"...)
		}
	}
	return b
}

// appendOthers appends the fields of a text but for those that others take the place of.
func appendOthers(b []byte, text string, others []Field) []byte {
	if len(others) == 0 {
		return append(b, text...)
	}
	for text != "" {
		line := text[:strings.IndexByte(text, '\n')+1]
		if name, _, _ := strings.Cut(line, ":"); !holds(others, name) {
			b = append(b, line...)
		}
		text = text[len(line):]
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
func isLine[T string | []byte](s T) bool {
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

// isStream reports whether an answer may be one that lasts for long and brings little: one to a GET, of no known length.
func (h *Head) isStream(f *frame) bool {
	return h.method == http.MethodGet && f.hasBody(h) && f.size() < 0
}
