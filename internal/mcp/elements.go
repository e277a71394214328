package mcp

import (
	"bytes"
	"iter"
)

// Elements returns the raw elements of the JSON array raw, which must have been
// scanned before; nil if raw is no array. There is no room behind an element.
func Elements(raw []byte) [][]byte {
	s := scanner{b: raw}
	if s.peek() != '[' {
		return nil
	}
	out := [][]byte{}
	for more, err := s.first(']'); more && err == nil; more, err = s.next(']') {
		value, err := s.value()
		if err != nil {
			return out
		}
		out = append(out, raw[value.Start:value.End:value.End])
	}
	return out
}

// Members yields the decoded names and raw values of the JSON object raw, which must have
// been scanned before; nothing if raw is no object.
func Members(raw []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		s := scanner{b: raw}
		if s.peek() != '{' {
			return
		}
		for more, err := s.first('}'); more && err == nil; more, err = s.next('}') {
			name, err := s.name()
			if err != nil {
				return
			}
			value, err := s.value()
			if err != nil || !yield(string(plainName(raw[name.Start:name.End])), raw[value.Start:value.End]) {
				return
			}
		}
	}
}

// MemberSpan is where the value of a member of the JSON object raw lies, for a splice. Like
// [Member] it wants raw to have been scanned before.
func MemberSpan(raw []byte, name string) Span {
	return memberOf(raw, Span{0, len(raw)}, name)
}

// Without returns the JSON object raw, which must have been scanned before, without a member. All other
// members keep their bytes; raw itself is returned where there is nothing to take away.
func Without(raw []byte, name string) []byte {
	if Member(raw, name) == nil {
		return raw
	}
	out := []byte{'{'}
	for have, value := range Members(raw) {
		if have == name {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(Quote(out, have), ':'), value...)
	}
	return append(out, '}')
}

// With returns the JSON object raw, which must have been scanned before, with a member it did
// not have put first. A raw that is no object becomes one.
func With(raw []byte, name string, value []byte) []byte {
	out := append(append(Quote([]byte{'{'}, name), ':'), value...)
	for range Members(raw) {
		inner := raw[bytes.IndexByte(raw, '{')+1:]
		return append(append(out, ','), inner...)
	}
	return append(out, '}')
}
