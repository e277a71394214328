package server

import (
	"bytes"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// maxLines is how many header lines a plain request has at most.
const maxLines = 100

const blank = " \t" // around a header value; a carriage return there is an error

// head is the head of a plain request. One that comes again is the same request, but for its context and its body.
type head struct {
	request http.Request // for the handler; its header has no Content-Length
	length  int64        // of the body
	sized   bool         // there is a Content-Length

	// The bytes around the digits of Content-Length, or around nothing: a head with the same is the same.
	before, after []byte
}

// parseHead reads a head, with the empty line at its end. ok is false for what is not plain.
func parseHead(raw []byte) (h *head, ok bool) {
	h, ok = parseLines(raw)
	return h, ok && h.request.Host != ""
}

// beginsHead reports whether raw, which does not come to the empty line, may be the beginning of a plain head.
func beginsHead(raw []byte) bool {
	lines := raw[:bytes.LastIndexByte(raw, '\n')+1]
	_, ok := parseLines(append(bytes.Clone(lines), "\r\n"...))
	return ok
}

// parseLines is parseHead for a head that may lack lines.
func parseLines(raw []byte) (h *head, ok bool) {
	line, rest, _ := bytes.Cut(raw, []byte("\r\n"))
	h = &head{before: bytes.Clone(raw)}
	h.request = http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header, 12), Body: http.NoBody}
	if !h.requestLine(string(line)) {
		return nil, false
	}
	for range maxLines {
		at := len(raw) - len(rest)
		line, rest, ok = bytes.Cut(rest, []byte("\r\n"))
		if !ok {
			return nil, false
		}
		if len(line) == 0 {
			return h, len(rest) == 0
		}
		if !h.line(raw, at, line) {
			return nil, false
		}
	}
	return nil, false
}

func (h *head) requestLine(line string) bool {
	method, rest, _ := strings.Cut(line, " ")
	target, proto, _ := strings.Cut(rest, " ")
	switch method {
	case http.MethodPost, http.MethodGet, http.MethodDelete, http.MethodOptions:
	default:
		return false
	}
	if proto != "HTTP/1.1" || !strings.HasPrefix(target, "/") || !visible(target) {
		return false
	}
	u, err := url.ParseRequestURI(target)
	h.request.Method, h.request.RequestURI, h.request.URL = method, target, u
	return err == nil
}

// line takes one header line, which begins at a place in raw.
func (h *head) line(raw []byte, at int, line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !isToken(line[:colon]) {
		return false
	}
	name := textproto.CanonicalMIMEHeaderKey(string(line[:colon]))
	value := strings.Trim(string(line[colon+1:]), blank)
	if !printable(value) {
		return false
	}
	switch name {
	case "Host":
		first := h.request.Host == ""
		h.request.Host = value
		return first && isHost(value)
	case "Content-Length":
		return h.contentLength(raw, at+len(line)-len(bytes.TrimLeft(line[colon+1:], blank)), value)
	case "Connection":
		h.request.Close = strings.EqualFold(value, "close")
		if _, again := h.request.Header[name]; again || !h.request.Close && !strings.EqualFold(value, "keep-alive") {
			return false
		}
	case "Transfer-Encoding", "Expect", "Upgrade", "Trailer", "Pragma", "Http2-Settings":
		return false
	}
	h.request.Header[name] = append(h.request.Header[name], value)
	return true
}

// contentLength takes the length of the body, whose digits begin at a place in raw.
func (h *head) contentLength(raw []byte, at int, digits string) bool {
	n, ok := number(digits)
	if h.sized || !ok {
		return false
	}
	h.length, h.sized = n, true
	h.before, h.after = h.before[:at:at], bytes.Clone(raw[at+len(digits):])
	return true
}

// again reports whether raw is the same head but for the length of the body, which it takes over.
func (h *head) again(raw []byte) bool {
	if h == nil || len(raw) < len(h.before)+len(h.after) || !bytes.HasPrefix(raw, h.before) || !bytes.HasSuffix(raw, h.after) {
		return false
	}
	digits := raw[len(h.before) : len(raw)-len(h.after)]
	if !h.sized {
		return len(digits) == 0
	}
	n, ok := number(digits)
	if ok {
		h.length = n
	}
	return ok
}

// number reads a Content-Length. Lengths that no body has are not plain.
func number[T string | []byte](digits T) (n int64, ok bool) {
	if len(digits) == 0 || len(digits) > 15 {
		return 0, false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		n = 10*n + int64(digits[i]-'0')
	}
	return n, true
}

// visible reports whether a request target has ASCII letters and signs only, and no fragment.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '#' {
			return false
		}
	}
	return true
}

// printable is visible for header values, which may have spaces and tabs.
func printable(s string) bool {
	for i := range len(s) {
		if (s[i] < ' ' && s[i] != '\t') || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func isHost(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte("-._:[]", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

func isToken(name []byte) bool {
	for _, c := range name {
		if !isAlphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return len(name) > 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
