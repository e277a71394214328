package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/tailscale/hujson"
)

// decoder turns the tree of a file into structs by their tags and collects what is wrong.
type decoder struct {
	source
	env      Lookup
	server   string // the entry of mcpServers that is being read
	lenient  bool   // leave missing variables as they are: the entry is disabled
	problems Problems
}

// place is a value and the JSON path that leads to it.
type place struct {
	*hujson.Value
	path string
}

func (p place) kind() hujson.Kind { return p.Value.Value.Kind() }

func (p place) at(key string) string { return joinPath(p.path, key) }

func (p place) elements() []place {
	array, ok := p.Value.Value.(*hujson.Array)
	if !ok {
		return nil
	}
	out := make([]place, len(array.Elements))
	for i := range array.Elements {
		out[i] = place{&array.Elements[i], fmt.Sprintf("%s[%d]", p.path, i)}
	}
	return out
}

// text returns the text as it is written, without expansion; "" when the value is none.
func (p place) text() string {
	if literal, ok := p.Value.Value.(hujson.Literal); ok && literal.Kind() == '"' {
		return literal.String()
	}
	return ""
}

func joinPath(path, key string) string {
	switch {
	case key == "" || strings.ContainsAny(key, " .[]\"'\\\n\t:"):
		return fmt.Sprintf("%s[%q]", path, key)
	case path == "":
		return key
	default:
		return path + "." + key
	}
}

func (d *decoder) report(offset int, path string, p Problem) {
	p.File, p.Path, p.Server = d.name, path, d.server
	p.Line, p.Column = d.position(offset)
	if d.server != "" && strings.HasPrefix(path, "serverDefaults") {
		p.Message += fmt.Sprintf(", and server %q inherits it", d.server)
	}
	d.problems = append(d.problems, p)
}

func (d *decoder) fail(at place, hint, format string, args ...any) {
	d.report(at.StartOffset, at.path, Problem{Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (d *decoder) warn(at place, hint, format string, args ...any) {
	d.report(at.StartOffset, at.path, Problem{Message: fmt.Sprintf(format, args...), Hint: hint, Warning: true})
}

// member is one member of an object.
type member struct {
	place
	key   string
	keyAt int
}

// members returns the members of an object, null ones left out; a duplicate is a problem.
func (d *decoder) members(at place) []member {
	object, ok := at.Value.Value.(*hujson.Object)
	if !ok {
		d.mismatch(at, "an object")
		return nil
	}
	seen := map[string]bool{}
	var out []member
	for i := range object.Members {
		m := &object.Members[i]
		key := place{Value: &m.Name}.text()
		one := member{place{&m.Value, at.at(key)}, key, m.Name.StartOffset}
		if seen[key] {
			d.report(one.keyAt, one.path, Problem{Message: "this name stands here for the second time", Hint: "remove or rename one of the two"})
			continue
		}
		seen[key] = true
		if one.kind() != 'n' {
			out = append(out, one)
		}
	}
	return out
}

// unknown warns of a name that means nothing and suggests the nearest of those that do.
func (d *decoder) unknown(m member, known []string) {
	p := Problem{Message: "unknown name, ignored", Warning: true}
	if near := nearest(m.key, known); near != "" {
		p.Hint = "did you mean " + near + "?"
	} else if m.kind() == '{' && slices.Contains(known, "mcpServers") {
		p.Hint = "servers stand under mcpServers"
	}
	d.report(m.keyAt, m.path, p)
}

func nearest(word string, known []string) string {
	best, limit := "", min(max(2, len(word)/3), len(word)-1)
	for _, k := range known {
		distance := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(k))
		if distance <= limit {
			best, limit = k, distance-1
		}
	}
	return best
}

// structure reads a struct from objects, the later of which win, and returns for each setting
// that was given the place that gave it.
func (d *decoder) structure(into reflect.Value, layers ...[]member) map[string]place {
	given := map[string]place{}
	fields := fieldsOf(into.Type())
	for _, layer := range backward(layers) {
		for _, m := range layer {
			f, ok := fields.find(m.key)
			if !ok {
				d.unknown(m, fields.names())
				continue
			}
			if _, twice := given[m.key]; twice && !f.merge {
				continue
			}
			d.value(m.place, into.FieldByIndex(f.index), f.rules)
			if _, twice := given[m.key]; !twice {
				given[m.key] = m.place
			}
		}
	}
	return given
}

func backward[T any](list []T) []T {
	out := make([]T, 0, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		out = append(out, list[i])
	}
	return out
}
