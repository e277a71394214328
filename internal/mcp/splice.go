package mcp

import "slices"

// Edit replaces a range of a message's bytes. An empty range inserts.
type Edit struct {
	At   Span
	Text []byte
}

// Splice appends src to dst with the edits applied, and returns the result. The edits must not
// overlap; their order does not matter and may be changed.
func Splice(dst, src []byte, edits []Edit) []byte {
	sortEdits(edits)
	dst = slices.Grow(dst, splicedLen(src, edits))
	at := 0
	for _, e := range edits {
		dst = append(dst, src[at:e.At.Start]...)
		dst = append(dst, e.Text...)
		at = e.At.End
	}
	return append(dst, src[at:]...)
}

// sortEdits puts edits in the order of the message. There are few, mostly in order. A function of the library would have the compiler
// keep their texts on the heap.
func sortEdits(edits []Edit) {
	for i := 1; i < len(edits); i++ {
		for j := i; j > 0 && edits[j].At.Start < edits[j-1].At.Start; j-- {
			edits[j], edits[j-1] = edits[j-1], edits[j]
		}
	}
}

func splicedLen(src []byte, edits []Edit) int {
	n := len(src)
	for _, e := range edits {
		n += len(e.Text) - (e.At.End - e.At.Start)
	}
	return n
}

// Insert returns the edit that puts members, which hold no outer braces and at least one
// member, first into the object at span.
func (m *Message) Insert(object Span, members []byte) Edit {
	s := scanner{b: m.Raw, i: object.Start + 1}
	if s.peek() != '}' {
		members = append(members[:len(members):len(members)], ',')
	}
	at := object.Start + 1
	return Edit{At: Span{at, at}, Text: members}
}

// isObject reports whether the span holds an object.
func (m *Message) isObject(s Span) bool { return s.Present() && m.Raw[s.Start] == '{' }

// Flatten replaces line breaks in a JSON text by blanks, in place. In JSON they can only
// stand between tokens, so nothing else changes. Line-based transports need it.
func Flatten(text []byte) []byte {
	for i, c := range text {
		if c == '\n' || c == '\r' {
			text[i] = ' '
		}
	}
	return text
}
