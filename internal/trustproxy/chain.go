package trustproxy

import (
	"net/netip"
	"strings"
)

// maxEntries is how many entries of a list are looked at, from the right.
const maxEntries = 64

// tail yields the entries of a list header from the right, all its lines taken as one list.
// It reads no further than it is asked, so entries a client put on the left cost nothing.
type tail struct {
	lines []string // those not begun
	rest  string   // what is left of the line begun
	begun bool
	n     int // yielded
}

// next returns the next entry to the left, without blanks and tabs around it. Empty
// elements are skipped.
func (t *tail) next() (string, bool) {
	for t.n < maxEntries {
		if !t.begun {
			if len(t.lines) == 0 {
				return "", false
			}
			last := len(t.lines) - 1
			t.rest, t.lines, t.begun = t.lines[last], t.lines[:last], true
		}
		comma := strings.LastIndexByte(t.rest, ',')
		s := trimOWS(t.rest[comma+1:])
		if comma < 0 {
			t.begun = false
		} else {
			t.rest = t.rest[:comma]
		}
		if s != "" {
			t.n++
			return s, true
		}
	}
	return "", false
}

// more tells whether anything but blanks and commas is left.
func (t *tail) more() bool {
	if t.begun && hasEntry(t.rest) {
		return true
	}
	for _, line := range t.lines {
		if hasEntry(line) {
			return true
		}
	}
	return false
}

func hasEntry(s string) bool { return strings.TrimLeft(s, ", \t") != "" }

// longerThan tells whether the lines hold more than limit entries. It counts commas first,
// which settles every list that is not long.
func longerThan(lines []string, limit int) bool {
	bound := len(lines)
	for _, line := range lines {
		bound += strings.Count(line, ",")
	}
	if bound <= limit {
		return false
	}
	n := 0
	for _, line := range lines {
		if n += countEntries(line, limit-n); n > limit {
			return true
		}
	}
	return false
}

// countEntries counts the entries of a line, stopping once they are more than limit.
func countEntries(line string, limit int) int {
	n := 0
	for n <= limit {
		comma := strings.IndexByte(line, ',')
		if comma < 0 {
			break
		}
		if comma > 0 && trimOWS(line[:comma]) != "" {
			n++
		}
		line = line[comma+1:]
	}
	if trimOWS(line) != "" {
		n++
	}
	return n
}

// trimOWS removes the blanks and tabs that HTTP allows around list elements, and no other
// white space.
func trimOWS(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// pick returns the value that the outermost verified hop wrote: the k-th from the right, the
// leftmost if there are fewer, or always the leftmost if first is set. Several tells
// whether there was a choice; an empty value that there was none at all.
func pick(lines []string, k int, first bool) (value string, several bool) {
	if len(lines) == 1 && strings.IndexByte(lines[0], ',') < 0 {
		return trimOWS(lines[0]), false
	}
	t := tail{lines: lines}
	for t.n < k || first {
		s, ok := t.next()
		if !ok {
			break
		}
		value = s
	}
	return value, t.n > 1 || t.n == 1 && t.more()
}

// node is one entry of the chain, read.
type node struct {
	text string // as it came
	addr netip.Addr
	form form
}

// chain yields the nodes of a list header from the right.
type chain struct {
	tail      tail     // of X-Forwarded-For
	elements  elements // of Forwarded
	forwarded bool     // which of them
	long      bool     // there are more entries than are looked at
	yielded   int
}

// begin starts at the right end of the header. The elements of Forwarded are split already.
func (c *chain) begin(h header, lines []string) {
	c.forwarded = h.isForwarded()
	if c.forwarded {
		c.long = c.elements.total > maxEntries
		return
	}
	c.tail.lines = lines
	c.long = longerThan(lines, maxEntries)
}

func (c *chain) void() bool { return c.forwarded && c.elements.void }

// next reads the next node to the left into n.
func (c *chain) next(n *node) bool {
	if c.forwarded {
		return c.nextElement(n)
	}
	s, ok := c.tail.next()
	if !ok {
		return false
	}
	n.text = s
	n.addr, n.form = parseNode(s, false)
	return true
}

func (c *chain) nextElement(n *node) bool {
	text, ok := c.elements.fromRight(c.yielded)
	if !ok {
		return false
	}
	c.yielded++
	*n = parseElement(text).node()
	return true
}

func (c *chain) more() bool {
	if c.forwarded {
		return c.yielded < c.elements.total
	}
	return c.tail.more()
}
