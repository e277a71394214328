package trustproxy

import "strings"

// elements is the Forwarded header (RFC 7239) split into its elements, of which the last 64
// are kept. Quotes can only be read from the left, so the split is not lazy; the reading of
// each element is.
type elements struct {
	text   string
	starts [maxEntries]int32 // offsets in text; a ring
	total  int               // all of them, kept or not
	void   bool              // a quote is not closed: nothing in the header means anything
}

// split fills e from the header's lines. A quote must end in the line it began in.
func (e *elements) split(lines []string) {
	for _, line := range lines {
		if _, closed := scanTo(line, 0); !closed {
			e.void = true
			return
		}
	}
	if len(lines) == 1 {
		e.text = lines[0]
	} else {
		e.text = strings.Join(lines, ",")
	}
	for at := 0; at <= len(e.text); {
		end, _ := scanTo(e.text[at:], ',')
		if trimOWS(e.text[at:at+end]) != "" {
			e.starts[e.total%maxEntries] = int32(at)
			e.total++
		}
		at += end + 1
	}
}

// fromRight returns the i-th element from the right, 0 being the last.
func (e *elements) fromRight(i int) (string, bool) {
	if i >= e.total || i >= maxEntries {
		return "", false
	}
	rest := e.text[e.starts[(e.total-1-i)%maxEntries]:]
	end, _ := scanTo(rest, ',')
	return trimOWS(rest[:end]), true
}

// pick returns the element of the outermost verified hop, as pick does for a plain list.
func (e *elements) pick(k int, first bool) (element, bool) {
	n := min(e.total, maxEntries)
	if n == 0 {
		return element{}, false
	}
	if first || k > n {
		k = n
	}
	text, _ := e.fromRight(k - 1)
	return parseElement(text), true
}

// scanTo returns the index of the first sep outside quotes, or len(s); closed is false if a
// quote stays open.
func scanTo(s string, sep byte) (end int, closed bool) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == sep && !quoted:
			return i, true
		}
	}
	return len(s), !quoted
}

// element is one element, read. The zero value with void set means nothing.
type element struct {
	void              bool // a parameter twice, or not well-formed
	hasFor            bool
	text              string // of for
	client            node
	proto, host       string
	hasProto, hasHost bool
}

// node returns the element as an entry of the chain. Without for the hop hides its client.
func (e element) node() node {
	switch {
	case e.void:
		return node{text: e.text, form: formBroken}
	case !e.hasFor:
		return node{text: e.text, form: formOpaque}
	}
	return e.client
}

// maxParameters bounds the parameters of an element; four are defined.
const maxParameters = 16

// parseElement reads the parameters of one element.
func parseElement(s string) element {
	e := element{text: s}
	var names [maxParameters]string
	n := 0
	for s != "" {
		end, _ := scanTo(s, ';')
		pair := trimOWS(s[:end])
		s = s[min(end+1, len(s)):]
		if pair == "" {
			continue
		}
		name, value, ok := parseParameter(pair)
		if !ok || n == maxParameters || containsFold(names[:n], name) {
			return element{void: true, text: e.text}
		}
		names[n] = name
		n++
		e.set(name, value)
	}
	return e
}

func (e *element) set(name, value string) {
	switch {
	case strings.EqualFold(name, "for"):
		e.hasFor = true
		e.client.text = value
		e.client.addr, e.client.form = parseNode(value, true)
		if e.client.form == formBroken && hiddenWithPort(value) {
			e.client.form = formOpaque
		}
	case strings.EqualFold(name, "proto"):
		e.proto, e.hasProto = value, true
	case strings.EqualFold(name, "host"):
		e.host, e.hasHost = value, true
	}
}

// hiddenWithPort tells whether s is a hidden node followed by a port.
func hiddenWithPort(s string) bool {
	name, port, ok := strings.Cut(s, ":")
	return ok && len(s) <= maxEntry && isOpaque(name) && validPort(port, true)
}

// parseParameter reads name=value, the value a quoted string or a text without quotes and
// blanks.
func parseParameter(s string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(s, "=")
	if !ok || name == "" || !all(name, isTokenChar) {
		return "", "", false
	}
	if value != "" && value[0] == '"' {
		value, ok = unquote(value)
		return name, value, ok
	}
	return name, value, !strings.ContainsAny(value, "\" \t\\")
}

// unquote reads a quoted string that must be all of s.
func unquote(s string) (string, bool) {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return "", false
	}
	inner := s[1 : len(s)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return inner, strings.IndexByte(inner, '"') < 0
	}
	return unescape(inner)
}

// unescape resolves quoted pairs.
func unescape(s string) (string, bool) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return "", false
		case '\\':
			if i++; i == len(s) {
				return "", false
			}
		}
		out = append(out, s[i])
	}
	return string(out), true
}

func containsFold(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// protoValue and hostValue return what the element says; a void one says nothing.
func (e element) protoValue() string { return e.proto }
func (e element) hostValue() string  { return e.host }
