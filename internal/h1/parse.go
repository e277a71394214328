package h1

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// frame is what tells where an answer ends, and whether another may follow. It points into the head.
type frame struct {
	status int
	old    bool   // HTTP/1.0
	length []byte // as named; empty: it is not
	kind   []byte // the content type
	typed  bool   // one is named
	coded  bool   // a transfer coding is named
	shut   bool   // the connection is closed behind the answer
	stays  bool   // HTTP/1.0: it is not
	zipped bool
}

// parseHead reads the head of an answer, without the empty line behind it. It takes nothing that net/http would refuse or
// understand in another way.
func parseHead(text []byte) (frame, error) {
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
	f.shut = f.shut || f.coded && len(f.length) > 0                                  // one of both is somebody's trick
	f.shut = f.shut || f.status == http.StatusNoContent && (f.coded || f.size() > 0) // a body that may come yet
	return f, nil
}

// parseStatus reads the first line of an answer.
func parseStatus(line []byte) (frame, error) {
	version, status, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(bytes.TrimLeft(status, " "), []byte(" "))
	n, err := strconv.ParseUint(string(code), 10, 16)
	switch {
	case string(version) != "HTTP/1.1" && string(version) != "HTTP/1.0":
		return frame{}, errors.New("the answer is not one of HTTP/1.1")
	case err != nil || len(code) != 3 || n < http.StatusContinue:
		return frame{}, errors.New("the answer has no HTTP status")
	}
	return frame{status: int(n), old: string(version) == "HTTP/1.0"}, nil
}

// take notes one header.
func (f *frame) take(name, value []byte) error {
	switch {
	case isSame(name, "Content-Length"):
		if _, err := strconv.ParseUint(string(value), 10, 63); err != nil {
			return errors.New("the length of the answer is not a number")
		}
		if len(f.length) > 0 && !bytes.Equal(f.length, value) {
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
	case isSame(name, "Content-Type"):
		if !f.typed { // the first one counts
			f.typed, f.kind = true, value
		}
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
	if f.coded || len(f.length) == 0 {
		return -1
	}
	n, _ := strconv.ParseInt(string(f.length), 10, 64) // take has looked
	return n
}

// eachField gives all headers to f, until that fails. Their values are without the spaces around them.
func eachField(text []byte, f func(name, value []byte) error) error {
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		name, value, found := bytes.Cut(line, []byte(":"))
		value = bytes.Trim(value, " \t")
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
func isName(s []byte) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) && (s[i] != ' ' || i == 0) {
			return false
		}
	}
	return len(s) > 0
}

// cutLine returns the first line of text without its end, and the rest.
func cutLine(text []byte) (first, rest []byte) {
	first, rest, _ = bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(first, []byte("\r")), rest
}

// isSame compares without regard to case, of ASCII only: what folds into that from elsewhere is longer.
func isSame[T string | []byte](a T, b string) bool {
	return len(a) == len(b) && strings.EqualFold(string(a), b)
}

// hasToken reports whether a list has an element.
func hasToken(list []byte, token string) bool {
	for one := range bytes.SplitSeq(list, []byte(",")) {
		if isSame(bytes.Trim(one, " \t"), token) {
			return true
		}
	}
	return false
}
