package tagexpr

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLength is the longest text, in bytes, that [Parse] accepts. It bounds the
// nesting too, so that a query cannot exhaust the stack.
const MaxLength = 4096

// A SyntaxError says where an expression stopped making sense.
type SyntaxError struct {
	Column  int // 1-based, in characters
	Message string
}

// Error returns the message with the column.
func (e *SyntaxError) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Message) }

// Parse reads an expression. Its error is a *[SyntaxError].
func Parse(text string) (Expr, error) {
	if len(text) > MaxLength {
		return Expr{}, &SyntaxError{Column: 1, Message: fmt.Sprintf("the expression is longer than %d bytes", MaxLength)}
	}
	p := parser{text: text}
	p.next()
	e, err := p.expression()
	if err == nil && p.kind != tokEnd {
		err = p.unexpected("and, or, or the end")
	}
	if err != nil {
		return Expr{}, err
	}
	return e, nil
}

type token uint8

const (
	tokEnd token = iota
	tokTag
	tokAnd
	tokOr
	tokNot
	tokOpen
	tokClose
)

// parser holds the text and the one token ahead.
type parser struct {
	text  string
	pos   int // after the token ahead
	start int // of the token ahead
	kind  token
	word  string
}

func symbol(r rune) token {
	switch r {
	case ',':
		return tokOr
	case '+':
		return tokAnd
	case '!':
		return tokNot
	case '(':
		return tokOpen
	case ')':
		return tokClose
	default:
		return tokTag
	}
}

func keyword(word string) token {
	switch strings.ToLower(word) {
	case "and":
		return tokAnd
	case "or":
		return tokOr
	case "not":
		return tokNot
	default:
		return tokTag
	}
}

// foreign tells a word with another language's operators: as a tag it would be one that nothing has.
func foreign(word string) bool {
	return word == "&" || word == "|" || strings.Contains(word, "&&") || strings.Contains(word, "||")
}

func ends(r rune) bool { return unicode.IsSpace(r) || symbol(r) != tokTag }

func (p *parser) next() {
	rest := strings.TrimLeftFunc(p.text[p.pos:], unicode.IsSpace)
	p.start = len(p.text) - len(rest)
	p.pos = p.start
	if rest == "" {
		p.kind, p.word = tokEnd, ""
		return
	}
	first, size := utf8.DecodeRuneInString(rest)
	if p.kind = symbol(first); first == '-' {
		p.kind = tokNot
	}
	if p.kind != tokTag {
		p.word = rest[:size]
	} else if end := strings.IndexFunc(rest, ends); end >= 0 {
		p.word = rest[:end]
	} else {
		p.word = rest
	}
	if p.kind == tokTag {
		p.kind = keyword(p.word)
	}
	p.pos += len(p.word)
}

func (p *parser) unexpected(want string) *SyntaxError {
	found := "the end"
	if p.kind != tokEnd {
		found = fmt.Sprintf("%q", p.word)
	}
	return &SyntaxError{
		Column:  1 + utf8.RuneCountInString(p.text[:p.start]),
		Message: fmt.Sprintf("expected %s, found %s", want, found),
	}
}

func (p *parser) expression() (Expr, error) {
	return p.chain(opOr, p.term, func() bool { return p.accept(tokOr) })
}

func (p *parser) term() (Expr, error) {
	return p.chain(opAnd, p.factor, func() bool {
		return p.accept(tokAnd) || p.kind == tokTag || p.kind == tokNot || p.kind == tokOpen
	})
}

// chain reads operands for as long as more says that another one follows.
func (p *parser) chain(kind op, operand func() (Expr, error), more func() bool) (Expr, error) {
	first, err := operand()
	if err != nil {
		return Expr{}, err
	}
	args := []Expr{first}
	for more() {
		arg, err := operand()
		if err != nil {
			return Expr{}, err
		}
		args = append(args, arg)
	}
	if len(args) == 1 {
		return first, nil
	}
	return Expr{op: kind, args: args}, nil
}

func (p *parser) accept(kind token) bool {
	if p.kind != kind {
		return false
	}
	p.next()
	return true
}

func (p *parser) factor() (Expr, error) {
	switch {
	case p.accept(tokNot):
		arg, err := p.factor()
		return Expr{op: opNot, args: []Expr{arg}}, err
	case p.accept(tokOpen):
		inner, err := p.expression()
		if err == nil && !p.accept(tokClose) {
			err = p.unexpected(`")"`)
		}
		return inner, err
	case p.kind == tokTag && foreign(p.word):
		err := p.unexpected("a tag")
		err.Message += " (the operators are and, or, not)"
		return Expr{}, err
	case p.kind == tokTag:
		tag := Expr{op: opTag, tag: p.word}
		p.next()
		return tag, nil
	default:
		return Expr{}, p.unexpected("a tag")
	}
}
