package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tailscale/hujson"
)

// Bounds of a file. The depth is counted roughly, brackets in texts included.
const (
	maxFileSize = 16 << 20
	maxDepth    = 1000
)

// source is the text of one file and the way from offsets to positions.
type source struct {
	name string
	data []byte
}

func newSource(name string, data []byte) source {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	return source{name: name, data: data}
}

// position returns the 1-based line and column, the column in characters.
func (s source) position(offset int) (line, column int) {
	before := s.data[:min(max(offset, 0), len(s.data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[start:])
}

func (s source) problem(offset int, message, hint string) *Problem {
	line, column := s.position(offset)
	return &Problem{File: s.name, Line: line, Column: column, Message: message, Hint: hint}
}

// parse returns the tree of JSON with comments and trailing commas.
func (s source) parse() (*hujson.Value, *Problem) {
	switch {
	case len(s.data) > maxFileSize:
		return nil, &Problem{File: s.name, Message: fmt.Sprintf("the file is larger than %d bytes", maxFileSize)}
	case !utf8.Valid(s.data):
		return nil, s.problem(invalidUTF8(s.data), "the file is not UTF-8 text", "save it as UTF-8")
	}
	if at := tooDeep(s.data); at >= 0 {
		return nil, s.problem(at, fmt.Sprintf("the file is nested deeper than %d levels", maxDepth), "no setting needs more than six; look for brackets too many")
	}
	if problem := s.beginning(); problem != nil {
		return nil, problem
	}
	// A last line comment may end with the file; hujson wants its line feed.
	tree, err := hujson.Parse(append(bytes.Clone(s.data), '\n'))
	if err != nil {
		return nil, s.syntaxProblem(err)
	}
	return &tree, nil
}

// leading is the blanks and comments before the first value.
var leading = regexp.MustCompile(`^(?s:\s|//[^\n]*|/\*.*?\*/)*`)

// beginning looks at what comes after the blanks and comments at the front. A comment that is not closed is
// left to the parser.
func (s source) beginning() *Problem {
	at := len(leading.Find(s.data))
	switch rest := s.data[at:]; {
	case len(rest) == 0:
		return s.problem(at, "the file is empty", `write {"mcpServers": {}} into it, or remove it`)
	case rest[0] == '{' || bytes.HasPrefix(rest, []byte("/*")):
		return nil
	}
	return s.problem(at, "the file must begin with {", "it is JSON; comments and trailing commas are welcome")
}

func invalidUTF8(data []byte) int {
	offset := 0
	for offset < len(data) {
		r, size := utf8.DecodeRune(data[offset:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		offset += size
	}
	return offset
}

// tooDeep returns the offset of the bracket that is one too many, or -1.
func tooDeep(data []byte) int {
	depth := 0
	for i, c := range data {
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth > maxDepth {
			return i
		}
	}
	return -1
}

var syntaxError = regexp.MustCompile(`(?s)^hujson: line (\d+), column (\d+): (.*)$`)

// syntaxProblem says what the parser said, but never quotes a literal: it may be a secret.
func (s source) syntaxProblem(err error) *Problem {
	p := &Problem{File: s.name, Message: "not valid JSON"}
	m := syntaxError.FindStringSubmatch(err.Error())
	if m == nil {
		return p
	}
	offset := min(s.offset(m[1], m[2]), len(s.data))
	p.Line, p.Column = s.position(offset)
	p.Message, p.Hint = describeSyntax(m[3], s.data[offset:])
	return p
}

func (s source) offset(lineText, columnText string) int {
	line, _ := strconv.Atoi(lineText)
	column, _ := strconv.Atoi(columnText)
	offset := 0
	for range line - 1 {
		end := bytes.IndexByte(s.data[offset:], '\n')
		if end < 0 { // the line feed that [source.parse] has added
			return len(s.data)
		}
		offset += end + 1
	}
	return offset + column - 1
}

func describeSyntax(message string, rest []byte) (sentence, hint string) {
	switch {
	case strings.HasPrefix(message, "invalid literal") && bytes.HasPrefix(rest, []byte(`"`)):
		return "this is not a valid JSON text", `line breaks, tabs and backslashes are written \n, \t and \\`
	case strings.HasPrefix(message, "invalid literal"):
		return "this is not a JSON value", "texts stand in double quotes"
	case strings.HasSuffix(message, "unexpected EOF"):
		return "the file ends too early", "a bracket, quote or comment is not closed"
	case strings.HasPrefix(message, "invalid character"):
		return "invalid JSON: " + strings.TrimPrefix(message, "invalid "), characterHint(message, rest)
	default:
		return "not valid JSON", ""
	}
}

// characterHint says what is written in place of a character that JSON does not have there.
func characterHint(message string, rest []byte) string {
	if strings.HasSuffix(message, "after top-level value") {
		return "nothing may follow the last bracket"
	}
	if first, _ := utf8.DecodeRune(rest); strings.ContainsRune("'`“”„«»‘’", first) {
		return `texts stand in double quotes, "`
	}
	return "between two entries stands a comma, between a name and its value a colon"
}
