package config

import (
	"strings"

	"onemcp/internal/secret"
)

// Headers are HTTP headers by name, as they stand in the file.
type Headers map[string]secret.Text

// headers checks names and values. A wrong name is neither kept nor quoted: it may be a whole header.
func (d *decoder) headers(at place, r rules) Headers {
	out := Headers{}
	seen := map[string]bool{}
	for _, m := range d.members(at) {
		text, ok := d.text(m.place, r)
		switch {
		case !isToken(m.key):
			d.report(m.keyAt, at.path, Problem{Message: "this is not the name of an HTTP header", Hint: `the name stands before the value: {"Authorization": "Bearer …"}`})
		case seen[strings.ToLower(m.key)]:
			d.report(m.keyAt, m.path, Problem{Message: "this header stands here for the second time", Hint: "remove one of the two: case does not tell headers apart"})
		case ok && strings.ContainsAny(text, "\r\n"):
			d.fail(m.place, "a line feed at the end of a variable's value is a common reason", "the value holds a line break")
		case ok && strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			d.fail(m.place, "remove it", "the value holds a control character")
		default:
			seen[strings.ToLower(m.key)] = true
			out[m.key] = secret.New(text)
		}
	}
	return out
}

func isToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
