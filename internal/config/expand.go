package config

import (
	"fmt"
	"regexp"
	"strings"
)

// issue is a variable that could not be replaced; it stays in the text as it is.
type issue struct {
	message, hint string
	warning       bool
}

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	bareName     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)
)

const literalHint = "write $${ for a literal ${"

// expand replaces ${NAME}, ${env:NAME} and ${NAME:-default} in text, and, when bare is set,
// $NAME where there is such a variable. $${ stands for a literal ${.
func expand(text string, bare bool, env Lookup) (string, []issue) {
	e := expander{bare: bare, env: env}
	return e.text(text), e.issues
}

type expander struct {
	bare   bool
	env    Lookup
	issues []issue
}

func (e *expander) text(text string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		value, length := e.dollar(rest)
		out.WriteString(value)
		text = rest[length:]
	}
}

// dollar returns what stands for "$" and the first length bytes of rest.
func (e *expander) dollar(rest string) (value string, length int) {
	switch {
	case strings.HasPrefix(rest, "${"):
		return "${", 2
	case strings.HasPrefix(rest, "{"):
		return e.braces(rest)
	case e.bare:
		return e.bareVariable(bareName.FindString(rest))
	}
	return "$", 0
}

func (e *expander) bareVariable(name string) (value string, length int) {
	if name != "" {
		if value, ok := e.env(name); ok {
			return value, len(name)
		}
	}
	return "$", 0
}

func (e *expander) braces(rest string) (value string, length int) {
	end := closingBrace(rest)
	if end < 0 {
		e.issues = append(e.issues, issue{message: "${ has no closing brace", hint: literalHint})
		return "$", 0
	}
	inner, whole := rest[1:end], "$"+rest[:end+1]
	if value, ok := e.variable(inner); ok {
		return value, end + 1
	}
	return whole, end + 1
}

// closingBrace returns the index of the brace that ends text, which starts with one. A
// default may hold variables of its own.
func closingBrace(text string) int {
	depth := 0
	for i := range len(text) {
		switch {
		case text[i] == '{' && (i == 0 || text[i-1] == '$'):
			depth++
		case text[i] == '}':
			depth--
		}
		if depth == 0 {
			return i
		}
	}
	return -1
}

func (e *expander) variable(inner string) (string, bool) {
	if strings.HasPrefix(inner, "input:") {
		e.issues = append(e.issues, issue{
			message: fmt.Sprintf("${%s} asks the user of an editor, which is not possible here; it stays as it is", inner),
			hint:    "use an environment variable: ${NAME}", warning: true,
		})
		return "", false
	}
	name, fallback, hasDefault := strings.Cut(strings.TrimPrefix(inner, "env:"), ":-")
	if !variableName.MatchString(name) {
		e.issues = append(e.issues, issue{message: "what stands between ${ and } is not the name of a variable", hint: "write ${NAME} or ${NAME:-default}, or $${ for a literal ${"})
		return "", false
	}
	value, ok := e.env(name)
	switch {
	case hasDefault && value == "":
		return e.text(fallback), true
	case !ok:
		e.issues = append(e.issues, issue{
			message: fmt.Sprintf("the environment variable %s is not set", name),
			hint:    fmt.Sprintf("set it, put it into .env beside the file, or write ${%s:-default}", name),
		})
	}
	return value, ok
}
