package h1

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// frame is what tells where an answer ends, and whether another may follow.
type frame struct {
	status int
	old    bool   // HTTP/1.0
	length string // as named; empty: it is not
	coded  bool   // a transfer coding is named
	shut   bool   // the connection is closed behind the answer
	stays  bool   // HTTP/1.0: it is not
	zipped bool
}

// parseHead reads the head of an answer, without the empty line behind it. It takes nothing that net/http would refuse or
// understand in another way.
func parseHead(text string) (frame, error) {
	first, fields := cutLine(text)
	f, err := parseStatus(first)
	if err != nil {
		return f, err
	}
	if err := eachField(fields, f.take); err != nil {
		return f, err
	}
	if f.old {
		f.shut = f.shut || !f.stays || f.coded // which is not for HTTP/1.0 to have
		f.coded = false
	}
	f.shut = f.shut || f.coded && f.length != ""                                     // one of both is somebody's trick
	f.shut = f.shut || f.status == http.StatusNoContent && (f.coded || f.size() > 0) // a body that may come yet
	return f, nil
}

// parseStatus reads the first line of an answer.
func parseStatus(s string) (frame, error) {
	version, status, _ := strings.Cut(s, " ")
	code, _, _ := strings.Cut(strings.TrimLeft(status, " "), " ")
	n, err := strconv.ParseUint(code, 10, 16)
	switch {
	case version != "HTTP/1.1" && version != "HTTP/1.0":
		return frame{}, errors.New("the answer is not one of HTTP/1.1")
	case err != nil || len(code) != 3 || n < http.StatusContinue:
		return frame{}, errors.New("the answer has no HTTP status")
	}
	return frame{status: int(n), old: version == "HTTP/1.0"}, nil
}

// take notes one header.
func (f *frame) take(name, value string) error {
	switch {
	case isSame(name, "Content-Length"):
		if _, err := strconv.ParseUint(value, 10, 63); err != nil {
			return errors.New("the length of the answer is not a number")
		}
		if f.length != "" && f.length != value {
			return errors.New("the answer has two lengths")
		}
		f.length = value
	case isSame(name, "Transfer-Encoding"):
		if !f.old && (f.coded || !isSame(value, "chunked")) {
			return errors.New("the transfer coding of the answer is not known")
		}
		f.coded = true
	case isSame(name, "Connection"):
		f.shut = f.shut || hasToken(value, "close")
		f.stays = f.stays || hasToken(value, "keep-alive")
	case isSame(name, "Content-Encoding"):
		f.zipped = isSame(value, "gzip")
	}
	return nil
}

// hasBody reports whether something follows the head of the answer to a request with that head.
func (f *frame) hasBody(h *Head) bool {
	return h.method != http.MethodHead && f.status >= http.StatusOK && f.status != http.StatusNoContent && f.status != http.StatusNotModified
}

// size returns the length of the body, -1 if it ends otherwise.
func (f *frame) size() int64 {
	if f.coded || f.length == "" {
		return -1
	}
	n, _ := strconv.ParseInt(f.length, 10, 64) // take has looked
	return n
}

// eachField gives all headers to f, until that fails. Their values are without the spaces around them.
func eachField(text string, f func(name, value string) error) error {
	for text != "" {
		var s string
		s, text = cutLine(text)
		name, value, found := strings.Cut(s, ":")
		value = strings.Trim(value, " \t")
		if !found || !isName(name) || !isLine(value) {
			return errors.New("the answer has a header that is not valid")
		}
		if err := f(name, value); err != nil {
			return err
		}
	}
	return nil
}

// isName reports whether a header may have that name. One with spaces in it, as before the colon, is nothing that
// anybody asks for.
func isName(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) && (s[i] != ' ' || i == 0) {
			return false
		}
	}
	return s != ""
}

// cutLine returns the first line of text without its end, and the rest.
func cutLine(text string) (first, rest string) {
	first, rest, _ = strings.Cut(text, "\n")
	return strings.TrimSuffix(first, "\r"), rest
}

// isSame compares without regard to case, of ASCII only: what folds into that from elsewhere is longer.
func isSame(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// hasToken reports whether a list has an element.
func hasToken(list, token string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if isSame(strings.Trim(one, " \t"), token) {
			return true
		}
	}
	return false
}
