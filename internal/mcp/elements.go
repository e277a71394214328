package mcp

// Elements returns the raw elements of the JSON array raw, which must have been
// scanned before; nil if raw is no array.
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
		out = append(out, raw[value.Start:value.End])
	}
	return out
}

// MemberSpan is where the value of a member of the JSON object raw lies, for a splice. Like
// [Member] it wants raw to have been scanned before.
func MemberSpan(raw []byte, name string) Span {
	return memberOf(raw, Span{0, len(raw)}, name)
}
