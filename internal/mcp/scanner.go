package mcp

import (
	"fmt"
)

// MaxDepth is how deep arrays and objects may nest in a message.
const MaxDepth = 1000

// SyntaxError tells where and why a message was refused.
type SyntaxError struct {
	Offset int // in bytes from the start of the message
	Reason string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset)
}

// Span is a range of bytes of a message; the zero Span means absent.
type Span struct{ Start, End int }

// Present reports whether the member was there.
func (s Span) Present() bool { return s.End > s.Start }

// scanner walks JSON text. It checks all it passes except UTF-8, which Scan checks
// before for the whole message, at the speed of the standard library.
type scanner struct {
	b     []byte
	i     int
	depth int
}

// endsEarly is the reason of a [SyntaxError] where a message is cut short.
const endsEarly = "unexpected end of message"

func (s *scanner) fail(reason string) error { return &SyntaxError{Offset: s.i, Reason: reason} }

func (s *scanner) failAt(offset int, format string, args ...any) error {
	return &SyntaxError{Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek returns the next byte that is not blank, or 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i == len(s.b) {
		return 0
	}
	return s.b[s.i]
}

// value passes over one value of any kind and returns where it lies.
func (s *scanner) value() (Span, error) {
	c := s.peek()
	start := s.i
	var err error
	switch {
	case c == '"':
		err = s.text()
	case c == '{':
		err = s.object()
	case c == '[':
		err = s.array()
	case c == '-' || isDigit(c):
		err = s.number()
	case c == 't':
		err = s.literal("true")
	case c == 'f':
		err = s.literal("false")
	case c == 'n':
		err = s.literal("null")
	case c == 0 && s.i == len(s.b):
		err = s.fail(endsEarly)
	default:
		err = s.fail("unexpected character")
	}
	return Span{start, s.i}, err
}

func (s *scanner) literal(word string) error {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return s.fail("unexpected character")
	}
	s.i += len(word)
	return nil
}

func (s *scanner) enter() error {
	if s.depth++; s.depth > MaxDepth {
		return s.fail(fmt.Sprintf("nesting deeper than %d", MaxDepth))
	}
	s.i++
	return nil
}

func (s *scanner) leave() {
	s.depth--
	s.i++
}

func (s *scanner) object() error {
	for more, err := s.first('}'); more || err != nil; more, err = s.next('}') {
		if err != nil {
			return err
		}
		if _, err = s.name(); err != nil {
			return err
		}
		if _, err = s.value(); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) array() error {
	for more, err := s.first(']'); more || err != nil; more, err = s.next(']') {
		if err != nil {
			return err
		}
		if _, err = s.value(); err != nil {
			return err
		}
	}
	return nil
}

// first enters an object or array and reports whether it holds anything.
func (s *scanner) first(end byte) (bool, error) {
	if err := s.enter(); err != nil {
		return false, err
	}
	if s.peek() == end {
		s.leave()
		return false, nil
	}
	return true, nil
}

// next passes the comma, or leaves the object or array at its end.
func (s *scanner) next(end byte) (bool, error) {
	switch s.peek() {
	case ',':
		s.i++
		return true, nil
	case end:
		s.leave()
		return false, nil
	}
	if s.i == len(s.b) {
		return false, s.fail(endsEarly)
	}
	return false, s.fail("expected a comma or the end of the object or array")
}

// name passes a member's name with its colon and returns the name with its quotes.
func (s *scanner) name() (Span, error) {
	if s.peek() != '"' {
		return Span{}, s.fail("expected a member name")
	}
	start := s.i
	if err := s.text(); err != nil {
		return Span{}, err
	}
	span := Span{start, s.i}
	if s.peek() != ':' {
		return Span{}, s.fail("expected a colon")
	}
	s.i++
	return span, nil
}

// text passes a string.
func (s *scanner) text() error {
	i := s.i + 1
	for {
		if i = plain(s.b, i); i == len(s.b) {
			s.i = i
			return s.fail(endsEarly)
		}
		switch s.b[i] {
		case '"':
			s.i = i + 1
			return nil
		case '\\':
			s.i = i
			if err := s.escape(); err != nil {
				return err
			}
			i = s.i
		default:
			s.i = i
			return s.fail("control character in a string")
		}
	}
}

func (s *scanner) escape() error {
	if s.i+1 >= len(s.b) {
		return s.fail(endsEarly)
	}
	switch s.b[s.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i += 2
		return nil
	case 'u':
		if len(s.b)-s.i < 6 {
			return s.fail(endsEarly)
		}
		for _, c := range s.b[s.i+2 : s.i+6] {
			if !isHex(c) {
				return s.fail("wrong \\u escape")
			}
		}
		s.i += 6
		return nil
	}
	return s.fail("unknown escape")
}

func (s *scanner) number() error {
	if s.b[s.i] == '-' {
		s.i++
	}
	switch {
	case s.at('0'):
		s.i++
	default:
		if err := s.digits(); err != nil {
			return err
		}
	}
	if s.at('.') {
		s.i++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if s.at('e') || s.at('E') {
		s.i++
		if s.at('+') || s.at('-') {
			s.i++
		}
		return s.digits()
	}
	return nil
}

func (s *scanner) at(c byte) bool { return s.i < len(s.b) && s.b[s.i] == c }

func (s *scanner) digits() error {
	start := s.i
	for s.i < len(s.b) && isDigit(s.b[s.i]) {
		s.i++
	}
	if s.i == start {
		return s.fail("expected a digit")
	}
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
