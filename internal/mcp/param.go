package mcp

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A ParamHeader says which tool argument travels in an Mcp-Param header as well. In a tool's input
// schema it is a property marked "x-mcp-header".
type ParamHeader struct {
	Path []string // of property names, from the arguments down
	Name string   // the header, without the prefix Mcp-Param-
}

const paramMark = "x-mcp-header"

// maxSafe is the largest integer that every JSON reader keeps.
const maxSafe = 1<<53 - 1

// HasParamMarks reports whether raw bytes can hold marks at all.
func HasParamMarks(raw []byte) bool { return bytes.Contains(raw, []byte(paramMark)) }

// ParamHeaders reads the marks from a tool's raw description. A tool whose marks are wrong (not
// a primitive type, not a header name, twice the same) is reported as an error.
func ParamHeaders(tool []byte) ([]ParamHeader, error) {
	if !HasParamMarks(tool) {
		return nil, nil
	}
	w := paramWalk{seen: make(map[string]bool)}
	err := w.properties(Member(tool, "inputSchema"), nil)
	return w.found, err
}

type paramWalk struct {
	found []ParamHeader
	seen  map[string]bool
}

func (w *paramWalk) properties(schema []byte, path []string) error {
	for name, property := range Members(Member(schema, "properties")) {
		here := append(path[:len(path):len(path)], name)
		if mark := Member(property, paramMark); mark != nil {
			if err := w.mark(mark, property, here); err != nil {
				return err
			}
		}
		if err := w.properties(property, here); err != nil {
			return err
		}
	}
	return nil
}

func (w *paramWalk) mark(mark, property []byte, path []string) error {
	name, ok := Unquote(mark)
	if !ok || !isToken(name) {
		return fmt.Errorf("property %q: %s must be a header name", strings.Join(path, "."), paramMark)
	}
	switch kind, _ := Unquote(Member(property, "type")); kind {
	case "string", "integer", "boolean":
	default:
		return fmt.Errorf("property %q: %s needs the type string, integer or boolean", strings.Join(path, "."), paramMark)
	}
	if lower := strings.ToLower(name); w.seen[lower] {
		return fmt.Errorf("property %q: header %q is used twice", strings.Join(path, "."), name)
	} else {
		w.seen[lower] = true
	}
	w.found = append(w.found, ParamHeader{Path: path, Name: name})
	return nil
}

func isToken(name string) bool {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return name != ""
}

// text returns the argument as a header says it; ok is false where there is no header for it.
func (p ParamHeader) text(arguments []byte) (text string, ok bool) {
	value := arguments
	for _, name := range p.Path {
		value = Member(value, name)
	}
	switch {
	case len(value) == 0:
		return "", false
	case value[0] == '"':
		return Unquote(value)
	case string(value) == "true" || string(value) == "false":
		return string(value), true
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > maxSafe {
		return "", false
	}
	return strconv.FormatInt(int64(n), 10), true
}

// ParamValues returns the headers for a call's raw arguments, name and value as they travel.
func ParamValues(marks []ParamHeader, arguments []byte) [][2]string {
	var out [][2]string
	for _, p := range marks {
		if text, ok := p.text(arguments); ok {
			out = append(out, [2]string{HeaderParam + p.Name, EncodeHeader(text)})
		}
	}
	return out
}

// CheckParams reports how the Mcp-Param headers of a call disagree with its raw arguments, as a
// sentence, or "". Integers are compared as numbers.
func CheckParams(marks []ParamHeader, arguments []byte, got [][2]string) string {
	for _, p := range marks {
		value, sent := paramValue(got, p.Name)
		want, due := p.text(arguments)
		switch {
		case !due && !sent:
			continue
		case !due:
			return fmt.Sprintf("header %s%s has no argument %q to repeat", HeaderParam, p.Name, strings.Join(p.Path, "."))
		case !sent:
			return fmt.Sprintf("header %s%s is missing", HeaderParam, p.Name)
		}
		text, err := DecodeHeader(value)
		if err != nil {
			return fmt.Sprintf("header %s%s: %s", HeaderParam, p.Name, err)
		}
		if text != want && !sameInteger(text, want) {
			return fmt.Sprintf("header %s%s disagrees with argument %q", HeaderParam, p.Name, strings.Join(p.Path, "."))
		}
	}
	return ""
}

func paramValue(got [][2]string, name string) (string, bool) {
	for _, h := range got {
		if len(h[0]) > len(HeaderParam) && strings.EqualFold(h[0][len(HeaderParam):], name) {
			return h[1], true
		}
	}
	return "", false
}

func sameInteger(a, b string) bool {
	x, errA := strconv.ParseFloat(a, 64)
	y, errB := strconv.ParseFloat(b, 64)
	return errA == nil && errB == nil && x == y && x == math.Trunc(x)
}
