package catalog

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/tagexpr"
)

// How says by what a selector picks.
type How uint8

// The ways to pick members.
const (
	All      How = iota
	ByTags       // Text is a comma list; any of them
	ByFilter     // Text is a tag expression
	ByPreset     // Text names a preset
	ByServer     // Text is a comma list of backend names
)

// Selector is what a caller asked to see; the zero Selector asks for everything. It is
// comparable: equal selectors see the same.
type Selector struct {
	How  How
	Text string
}

// maxViews bounds the prepared views of one catalog; callers choose the selectors.
const maxViews = 256

// View returns what a selector shows. A selector that cannot be read, or names a preset that does not exist or
// servers none of which does, is a fault of kind Invalid. Tags that nothing has select nothing: they say what is wanted,
// and not what there is.
func (c *Catalog) View(s Selector) (*View, error) {
	if v := (*c.views.Load())[s]; v != nil { // as nearly always, for all calls at a time
		return v, nil
	}
	return c.prepare(s)
}

// prepare makes the view of a selector, and keeps it if there is room.
func (c *Catalog) prepare(s Selector) (*View, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := *c.views.Load()
	if v := known[s]; v != nil {
		return v, nil
	}
	picks, err := c.picker(s)
	if err != nil {
		return nil, err
	}
	v := &View{catalog: c, shown: make([]bool, len(c.members))}
	for i, m := range c.members {
		v.shown[i] = picks(m)
	}
	for _, era := range []mcp.Era{mcp.Legacy, mcp.Modern} {
		v.crossed[era] = v.crosses(era)
	}
	if len(known) < maxViews {
		more := map[Selector]*View{s: v}
		maps.Copy(more, known)
		c.views.Store(&more)
	}
	return v, nil
}

func (c *Catalog) picker(s Selector) (func(Member) bool, error) {
	switch s.How {
	case ByTags:
		want := fields(s.Text)
		return func(m Member) bool {
			return slices.ContainsFunc(want, func(tag string) bool { return slices.Contains(m.Tags, tag) })
		}, nil
	case ByServer:
		if unknown, _ := Unknown(s, c.members); len(unknown) == len(fields(s.Text)) {
			return nil, noServers(unknown)
		}
		want := fields(s.Text)
		return func(m Member) bool { return slices.Contains(want, m.Name) }, nil
	case ByFilter:
		expr, err := tagexpr.Parse(s.Text)
		if err != nil {
			return nil, fault.New(fault.Invalid, "filter %q: %v", s.Text, err)
		}
		return byExpr(expr), nil
	case ByPreset:
		expr, ok := c.presets[s.Text]
		if !ok {
			return nil, fault.New(fault.Invalid, "there is no preset %q", s.Text).WithHint(`presets stand under "presets" in the configuration file`)
		}
		return byExpr(expr), nil
	}
	return func(Member) bool { return true }, nil
}

func noServers(names []string) error {
	what := "is no server"
	if len(names) > 1 {
		what = "are no servers"
	}
	for i, name := range names {
		names[i] = strconv.Quote(name)
	}
	return fault.New(fault.Invalid, "there %s %s here", what, strings.Join(names, ", ")).
		WithHint(`the configuration names them under "mcpServers", GET / lists them`)
}

// Unknown returns the names in a selector of servers or tags that no member has, and those that members have. Of other
// selectors it returns nothing.
func Unknown(s Selector, members []Member) (unknown, known []string) {
	for _, m := range members {
		switch s.How {
		case ByServer:
			known = append(known, m.Name)
		case ByTags:
			known = append(known, m.Tags...)
		}
	}
	if s.How != ByServer && s.How != ByTags {
		return nil, nil
	}
	slices.Sort(known)
	known = slices.Compact(known)
	for _, name := range fields(s.Text) {
		if !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	return unknown, known
}

func byExpr(expr tagexpr.Expr) func(Member) bool {
	return func(m Member) bool {
		return expr.Match(func(tag string) bool { return slices.Contains(m.Tags, tag) })
	}
}

func fields(list string) []string {
	var out []string
	for f := range strings.SplitSeq(list, ",") {
		if f = strings.TrimSpace(f); f != "" {
			out = append(out, f)
		}
	}
	return out
}
