package front

import (
	"net/url"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/gateway"
)

// parseSelector reads the selection in a query. Other parameters are passed over.
func parseSelector(rawQuery string) (catalog.Selector, error) {
	if rawQuery == "" {
		return catalog.Selector{}, nil
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return catalog.Selector{}, fault.New(fault.Invalid, "the query of the URL cannot be read").
			WithHint("names are divided by commas; characters other than letters, digits, - . _ ~ and commas are written as %%XX").WithCause(err)
	}
	return catalog.Select(query)
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
	if s.How == catalog.All {
		return path
	}
	return path + "?" + s.Name() + "=" + s.Text
}
