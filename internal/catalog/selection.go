package catalog

import (
	"maps"
	"slices"
	"strings"

	"onemcp/internal/fault"
)

// selections are the names under which a caller picks a part of all members, be it in a query or as flags. The first name
// of a way is the usual one.
var selections = [...]struct {
	name string
	how  How
}{
	{"tags", ByTags},
	{"filter", ByFilter},
	{"tag-filter", ByFilter},
	{"preset", ByPreset},
	{"servers", ByServer},
}

const oneSelection = "use one of tags, filter, preset, servers"

// Select reads the selection that named values hold, in canonical form: two spellings of a list that pick
// the same are the same selector. Values of other names are passed over, unless they look like one of ours misspelled: that
// would show everything. More than one selection, and one that is empty, are faults of kind Invalid.
func Select(values map[string][]string) (Selector, error) {
	var found Selector
	var names []string
	for _, s := range selections {
		for _, text := range values[s.name] {
			names = append(names, s.name)
			found = Selector{How: s.how, Text: canonical(s.how, text)}
		}
	}
	wrong, meant := misspelled(values)
	switch {
	case wrong != "":
		return Selector{}, fault.New(fault.Invalid, "%s selects nothing", wrong).WithHint("did you mean %s?", meant)
	case len(names) > 1:
		return Selector{}, fault.New(fault.Invalid, "%s are given together", strings.Join(names, " and ")).WithHint(oneSelection)
	case len(names) == 1 && found.Text == "":
		return Selector{}, fault.New(fault.Invalid, "%s is empty and selects nothing", names[0]).WithHint("name what to select, or leave it out to see everything")
	}
	return found, nil
}

// misspelled returns the first name that differs from one of ours in its case, its number or its hyphen alone.
func misspelled(values map[string][]string) (wrong, meant string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, s := range selections {
			if name != s.name && loose(name) == loose(s.name) {
				return name, s.name
			}
		}
	}
	return "", ""
}

func loose(name string) string {
	return strings.TrimSuffix(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "s")
}

// Name returns the usual name of the way a selector picks, "" of the one that asks for everything.
func (s Selector) Name() string {
	for _, known := range selections {
		if s.How == known.how {
			return known.name
		}
	}
	return ""
}

func canonical(how How, text string) string {
	if how != ByTags && how != ByServer {
		return strings.Join(strings.Fields(text), " ")
	}
	list := fields(text)
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ",")
}
