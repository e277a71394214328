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
	for _, m := range d.members(at) {
		text, ok := d.text(m.place, r)
		switch {
		case !isToken(m.key):
			d.report(m.keyAt, at.path, Problem{Message: "this is not the name of an HTTP header", Hint: `the name stands before the value: {"Authorization": "Bearer …"}`})
		case ok && strings.ContainsAny(text, "\r\n\x00"):
			d.fail(m.place, "a line feed at the end of a variable's value is a common reason", "the value holds a line break")
		default:
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
