package mcp

import (
	"fmt"
)

// maxFalls is how often in one piece a flow leaps for nothing.
const maxFalls = 4

// state is what a flow expects next.
type state uint8

const (
	wantValue   state = iota
	wantFirst         // a value, or the end of the array just begun
	wantMember        // a name, or the end of the object just begun
	wantName          // a name
	wantColon         //
	wantComma         // a comma, or the end of the object or array
	wantNothing       // the value was whole; blanks only

	inText // from here on within a token
	inEscape
	inHex
	inWord
	inMinus
	inZero
	inInteger
	inPoint
	inFraction
	inE
	inSign
	inExponent
)

// event is what a flow has come to.
type event uint8

const (
	pieceEnd  event = iota
	nameEnd         // of a member
	scalarEnd       // of a string, number or word, or of any value that was leapt over
	opened          // an object or array
	closed          // the same
)

// flow is a scanner for text that comes in pieces. It accepts what [scanner] does, and keeps nothing but the tokens it
// is told to. Like the scanner it leaves UTF-8 to its user. The zero value expects a value.
type flow struct {
	state  state
	naming bool   // the string is a member's name
	hex    int    // how many digits of an escape are still to come
	word   string // what is still to come of true, false or null
	depth  int
	object [MaxDepth/64 + 1]uint64 // a bit for each open level: it is an object
	before int                     // bytes in earlier pieces
	start  int                     // where in this piece the token begins or goes on

	deaf  int    // from this depth on nothing is told and nothing kept; 0: from none
	skip  bool   // the value that comes next does not count
	falls int    // leaps in this piece that did not get over
	keep  int    // up to what length a token is kept
	token []byte // of the last nameEnd or scalarEnd; a longer one is cut
}

func (f *flow) failAt(i int, reason string) error {
	return &SyntaxError{Offset: f.before + i, Reason: reason}
}

// next goes on at i of a piece, up to the end of the next thing that is told.
func (f *flow) next(p []byte, i int) (end int, came event, err error) {
	for i < len(p) {
		if f.state >= inText {
			came, end, err = f.within(p, i)
		} else if c := p[i]; c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			end = i + 1
		} else if end = f.leap(p, i); end > i {
			came = f.tell(scalarEnd)
		} else {
			came, end, err = f.between(p, i)
		}
		if err != nil || came != pieceEnd {
			return end, came, err
		}
		i = end
	}
	return i, pieceEnd, nil
}

// leap passes the object or array that begins at i at the speed of the scanner, if it does not count and ends before the
// piece does, and returns its end; else i. What is wrong in it is left to the long way to find. One that does not end is
// looked at in vain, so that this is given up for the piece when it has happened a few times.
func (f *flow) leap(p []byte, i int) (end int) {
	begins := p[i]|0x20 == '{' && (f.state == wantValue || f.state == wantFirst)
	if !begins || f.hears() && !f.skip || f.falls == maxFalls {
		return i
	}
	s := scanner{b: p, i: i, depth: f.depth}
	if _, err := s.value(); err != nil || s.i == len(p) {
		f.falls++
		return i
	}
	f.valueOver()
	return s.i
}

// hears reports whether what is at the present depth is told.
func (f *flow) hears() bool { return f.deaf == 0 || f.depth < f.deaf }

// tell is an event, if it is to be told.
func (f *flow) tell(e event) event {
	if f.hears() {
		return e
	}
	return pieceEnd
}

// between takes what begins with the character at i, which stands between tokens or begins one.
func (f *flow) between(p []byte, i int) (came event, end int, err error) {
	c := p[i]
	end = i + 1
	switch f.state {
	case wantFirst:
		if c == ']' {
			return f.leave(), end, nil
		}
		came, err = f.begin(c, i)
	case wantValue:
		came, err = f.begin(c, i)
	case wantMember, wantName:
		switch {
		case c == '"':
			return f.enterName(p, i)
		case c == '}' && f.state == wantMember:
			return f.leave(), end, nil
		}
		err = f.failAt(i, "expected a member name")
	case wantColon:
		if c != ':' {
			return pieceEnd, end, f.failAt(i, "expected a colon")
		}
		f.state = wantValue
	case wantComma:
		came, err = f.afterValue(c, i)
	default:
		err = f.failAt(i, "text after the message")
	}
	return came, end, err
}

// enterName begins a member's name, and passes one without escapes that is whole in the piece.
func (f *flow) enterName(p []byte, i int) (came event, end int, err error) {
	if end = plain(p, i+1); end < len(p) && p[end] == '"' {
		end++
		f.state = wantColon
		if !f.hears() {
			return pieceEnd, end, nil
		}
		f.token = append(f.token[:0], p[i:i+min(end-i, max(f.keep, 1))]...)
		return nameEnd, end, nil
	}
	f.enterToken(inText, '"', i)
	f.naming = true
	return pieceEnd, i + 1, nil
}

func (f *flow) afterValue(c byte, i int) (event, error) {
	switch object := f.inObject(); {
	case c == ',' && object:
		f.state = wantName
	case c == ',':
		f.state = wantValue
	case c == '}' && object, c == ']' && !object:
		return f.leave(), nil
	default:
		return pieceEnd, f.failAt(i, "expected a comma or the end of the object or array")
	}
	return pieceEnd, nil
}

// begin takes the first character of a value.
func (f *flow) begin(c byte, i int) (event, error) {
	switch {
	case c == '"':
		f.enterToken(inText, c, i)
	case c == '{', c == '[':
		return f.enter(c, i)
	case c == '-':
		f.enterToken(inMinus, c, i)
	case c == '0':
		f.enterToken(inZero, c, i)
	case isDigit(c):
		f.enterToken(inInteger, c, i)
	case c == 't':
		f.enterWord("true", i)
	case c == 'f':
		f.enterWord("false", i)
	case c == 'n':
		f.enterWord("null", i)
	default:
		return pieceEnd, f.failAt(i, "unexpected character")
	}
	return pieceEnd, nil
}

func (f *flow) enterWord(word string, i int) {
	f.enterToken(inWord, word[0], i)
	f.word = word[1:]
}

func (f *flow) enterToken(s state, c byte, i int) {
	f.state, f.naming, f.start = s, false, i
	if f.hears() {
		f.token = append(f.token[:0], c)
	}
}

func (f *flow) enter(c byte, i int) (event, error) {
	if f.depth == MaxDepth {
		return pieceEnd, f.failAt(i, fmt.Sprintf("nesting deeper than %d", MaxDepth))
	}
	came := f.tell(opened)
	f.depth++
	word, bit := f.depth/64, uint64(1)<<(f.depth%64)
	if c == '{' {
		f.state = wantMember
		f.object[word] |= bit
	} else {
		f.state = wantFirst
		f.object[word] &^= bit
	}
	return came, nil
}

func (f *flow) inObject() bool { return f.object[f.depth/64]>>(f.depth%64)&1 != 0 }

func (f *flow) leave() event {
	f.depth--
	f.valueOver()
	return f.tell(closed)
}

func (f *flow) valueOver() {
	f.state = wantComma
	if f.depth == 0 {
		f.state = wantNothing
	}
}

// within goes on in a token.
func (f *flow) within(p []byte, i int) (came event, end int, err error) {
	var over bool
	switch {
	case f.state == inText:
		end, over, err = f.text(p, i)
	case f.state <= inHex:
		end, err = f.escape(p, i)
	case f.state == inWord:
		end, over, err = f.letters(p, i)
	default:
		end, over, err = f.number(p, i)
	}
	if err != nil {
		return pieceEnd, end, err
	}
	if room := f.keep - len(f.token); room > 0 && f.hears() {
		f.token = append(f.token, p[i:i+min(end-i, room)]...)
	}
	switch {
	case !over:
		return pieceEnd, end, nil
	case f.naming:
		f.naming, f.state = false, wantColon
		return f.tell(nameEnd), end, nil
	}
	f.valueOver()
	return f.tell(scalarEnd), end, nil
}

// text passes the characters of a string.
func (f *flow) text(p []byte, i int) (end int, over bool, err error) {
	for {
		if i = plain(p, i); i == len(p) {
			return i, false, nil
		}
		switch c := p[i]; {
		case c == '"':
			return i + 1, true, nil
		case c == '\\' && i+1 < len(p) && p[i+1] != 'u' && isEscape(p[i+1]):
			i += 2
		case c == '\\':
			f.state = inEscape
			return i + 1, false, nil
		default:
			return i, false, f.failAt(i, "control character in a string")
		}
	}
}

func isEscape(c byte) bool {
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't', 'u':
		return true
	}
	return false
}

// escape passes what follows a backslash.
func (f *flow) escape(p []byte, i int) (int, error) {
	if f.state == inEscape {
		if !isEscape(p[i]) {
			return i, f.failAt(i, "unknown escape")
		}
		f.state = inText
		if p[i] == 'u' {
			f.state, f.hex = inHex, 4
		}
		return i + 1, nil
	}
	for ; i < len(p) && f.hex > 0; i++ {
		if !isHex(p[i]) {
			return i, f.failAt(i, "wrong \\u escape")
		}
		f.hex--
	}
	if f.hex == 0 {
		f.state = inText
	}
	return i, nil
}

func (f *flow) letters(p []byte, i int) (end int, over bool, err error) {
	for ; i < len(p) && f.word != ""; i++ {
		if p[i] != f.word[0] {
			return i, false, f.failAt(i, "unexpected character")
		}
		f.word = f.word[1:]
	}
	return i, f.word == "", nil
}

// number passes the characters of a number. It is over before the first that cannot belong to it.
func (f *flow) number(p []byte, i int) (end int, over bool, err error) {
	for ; i < len(p); i++ {
		next := f.state.after(p[i])
		switch {
		case next == wantNothing:
			return i, true, nil
		case next == wantValue:
			return i, false, f.failAt(i, "expected a digit")
		}
		f.state = next
	}
	return i, false, nil
}

// after is the state within a number that a character leads to; wantNothing if the number was over before it, wantValue
// if there had to be a digit.
func (s state) after(c byte) state {
	digit, e := isDigit(c), c|0x20 == 'e'
	switch {
	case s == inMinus && c == '0':
		return inZero
	case (s == inMinus || s == inInteger) && digit:
		return inInteger
	case (s == inZero || s == inInteger) && c == '.':
		return inPoint
	case (s == inPoint || s == inFraction) && digit:
		return inFraction
	case (s == inZero || s == inInteger || s == inFraction) && e:
		return inE
	case s == inE && (c == '+' || c == '-'):
		return inSign
	case (s == inE || s == inSign || s == inExponent) && digit:
		return inExponent
	case s == inZero || s == inInteger || s == inFraction || s == inExponent:
		return wantNothing
	}
	return wantValue
}
