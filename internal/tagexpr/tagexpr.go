package tagexpr

import "strings"

// Expr is a parsed expression. The zero value matches everything.
type Expr struct {
	op   op
	tag  string // of opTag
	args []Expr // one of opNot, two or more of opAnd and opOr
}

type op uint8

const (
	opAll op = iota
	opTag
	opNot
	opAnd
	opOr
)

// Match reports whether the expression is true where has says which tags there are.
func (e Expr) Match(has func(tag string) bool) bool {
	switch e.op {
	case opTag:
		return has(e.tag)
	case opNot:
		return !e.args[0].Match(has)
	case opAnd:
		return !e.any(func(arg Expr) bool { return !arg.Match(has) })
	case opOr:
		return e.any(func(arg Expr) bool { return arg.Match(has) })
	default:
		return true
	}
}

func (e Expr) any(match func(Expr) bool) bool {
	for _, arg := range e.args {
		if match(arg) {
			return true
		}
	}
	return false
}

// String returns the expression with words for operators and with no more
// parentheses than it needs; parsing it gives an equal expression.
func (e Expr) String() string {
	switch e.op {
	case opTag:
		return e.tag
	case opNot:
		return "not " + e.args[0].within(opNot)
	case opAnd:
		return e.join(" and ")
	case opOr:
		return e.join(" or ")
	default:
		return ""
	}
}

func (e Expr) join(word string) string {
	parts := make([]string, len(e.args))
	for i, arg := range e.args {
		parts[i] = arg.within(e.op)
	}
	return strings.Join(parts, word)
}

// within returns e as an argument of outer: in parentheses when e binds no tighter.
func (e Expr) within(outer op) string {
	if e.op >= outer && e.op > opNot {
		return "(" + e.String() + ")"
	}
	return e.String()
}
