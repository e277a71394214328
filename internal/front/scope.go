package front

import (
	"net/url"
	"slices"
	"strings"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/gateway"
)

// selections are the query parameters that pick a part of the merged endpoint.
var selections = [...]struct {
	name string
	how  catalog.How
}{
	{"tags", catalog.ByTags},
	{"filter", catalog.ByFilter},
	{"tag-filter", catalog.ByFilter},
	{"preset", catalog.ByPreset},
	{"servers", catalog.ByServer},
}

const oneSelection = "use one of tags, filter, preset, servers"

// parseSelector reads the selection in a query, in canonical form: two spellings of a list that pick
// the same are the same selector. Other parameters are passed over.
func parseSelector(rawQuery string) (catalog.Selector, error) {
	if rawQuery == "" {
		return catalog.Selector{}, nil
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return catalog.Selector{}, fault.New(fault.Invalid, "the query of the URL cannot be read").WithCause(err)
	}
	var found catalog.Selector
	var names []string
	for _, s := range selections {
		for _, text := range query[s.name] {
			names = append(names, s.name)
			found = catalog.Selector{How: s.how, Text: canonical(s.how, text)}
		}
	}
	switch {
	case len(names) > 1:
		return catalog.Selector{}, fault.New(fault.Invalid, "the query holds %s together", strings.Join(names, " and ")).WithHint(oneSelection)
	case len(names) == 1 && found.Text == "":
		return catalog.Selector{}, fault.New(fault.Invalid, "the query parameter %s is empty", names[0]).WithHint("name what to select, or leave it out to see everything")
	}
	return found, nil
}

func canonical(how catalog.How, text string) string {
	if how != catalog.ByTags && how != catalog.ByServer {
		return strings.Join(strings.Fields(text), " ")
	}
	var list []string
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ",")
}

// scope returns what part of the gateway a request means, and the endpoint's name, to which a legacy session is
// bound. A part that is not there is refused.
func (f *Front) scope(to target, rawQuery string) (gateway.Scope, string, error) {
	selector, err := parseSelector(rawQuery)
	if err != nil {
		return gateway.Scope{}, "", err
	}
	scope := gateway.Scope{Backend: to.backend, Selector: selector}
	if scope == (gateway.Scope{}) {
		return scope, to.path, nil
	}
	if to.backend != "" && selector.How != catalog.All {
		return scope, "", fault.New(fault.Invalid, "%s shows one server, there is nothing to select", to.path).WithHint("selections belong to the merged endpoint")
	}
	if err := f.Gateway.Check(scope); err != nil {
		return scope, "", err
	}
	return scope, endpoint(to.path, selector), nil
}

func endpoint(path string, s catalog.Selector) string {
	for _, known := range selections {
		if s.How == known.how {
			return path + "?" + known.name + "=" + s.Text
		}
	}
	return path
}
