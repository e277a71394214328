package catalog

import (
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"onemcp/internal/mcp"
	"onemcp/internal/tagexpr"
)

// Member is one backend in the catalog.
type Member struct {
	Name  string
	Tags  []string
	Eras  []mcp.Era // in which its server is reached without a bridge; none: not known
	Offer *Offer    // after policy; nil while nothing is known
}

// Route says who serves an item, and under which key.
type Route struct {
	Member int    // index into the members
	Key    string // the backend's own name or uri
	Raw    []byte // the item as the backend wrote it
	Params []mcp.ParamHeader
}

// Catalog is the merged picture. See [Build].
type Catalog struct {
	naming    Naming
	members   []Member
	presets   map[string]tagexpr.Expr
	byName    [2]map[string]Route // of tools and prompts, by merged name
	names     [2][]string         // those names, in list order
	resources map[string][]int    // members by uri, in order
	templates []template

	mu    sync.Mutex                         // held by who adds a view
	views atomic.Pointer[map[Selector]*View] // does not change, but is replaced
}

type template struct {
	member  int
	text    string
	pattern *regexp.Regexp
}

// Build merges the members, in their order. presets are the named selections.
func Build(naming Naming, members []Member, presets map[string]tagexpr.Expr) *Catalog {
	if naming.Separator == "" {
		naming.Separator = DefaultSeparator
	}
	c := &Catalog{
		naming:    naming,
		members:   members,
		presets:   presets,
		resources: make(map[string][]int),
	}
	c.views.Store(new(map[Selector]*View))
	for _, k := range []Kind{Tools, Prompts} {
		c.mergeNames(k)
	}
	c.mergeResources()
	return c
}

func (c *Catalog) mergeNames(k Kind) {
	byName := make(map[string]Route)
	taken := func(name string) bool { _, ok := byName[name]; return ok }
	for i, m := range c.members {
		if m.Offer == nil {
			continue
		}
		own := make(map[string]bool)
		for _, item := range m.Offer.Items[k] {
			if own[item.Key] {
				continue // a backend's second item of one name cannot be reached
			}
			own[item.Key] = true
			public := c.naming.public(m.Name, item.Key, taken)
			byName[public] = Route{Member: i, Key: item.Key, Raw: item.Raw, Params: item.Params}
			c.names[k] = append(c.names[k], public)
		}
	}
	c.byName[k] = byName
}

func (c *Catalog) mergeResources() {
	for i, m := range c.members {
		if m.Offer == nil {
			continue
		}
		for _, item := range m.Offer.Items[Resources] {
			c.resources[item.Key] = append(c.resources[item.Key], i)
		}
		for _, item := range m.Offer.Items[Templates] {
			if pattern := compileTemplate(item.Key); pattern != nil {
				c.templates = append(c.templates, template{i, item.Key, pattern})
			}
		}
	}
}

// compileTemplate turns a URI template into a pattern. Expressions with an
// operator that admits slashes match anything, others match within a segment.
func compileTemplate(text string) *regexp.Regexp {
	var b strings.Builder
	b.WriteByte('^')
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(regexp.QuoteMeta(before))
		if !found {
			break
		}
		expr, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil
		}
		if strings.HasPrefix(expr, "+") || strings.HasPrefix(expr, "#") || strings.HasPrefix(expr, "/") || strings.HasSuffix(expr, "*") {
			b.WriteString(`.*`)
		} else if strings.HasPrefix(expr, "?") || strings.HasPrefix(expr, "&") {
			b.WriteString(`([?&].*)?`)
		} else {
			b.WriteString(`[^/]*`)
		}
		text = after
	}
	b.WriteByte('$')
	pattern, err := regexp.Compile(b.String())
	if err != nil {
		return nil
	}
	return pattern
}

// Members returns the members in order; do not change them.
func (c *Catalog) Members() []Member { return c.members }

// Claimant returns the member whose prefix a merged name has, although it may not list the item (yet);
// the longest prefix wins. -1 if none.
func (c *Catalog) Claimant(public string) (member int, key string) {
	member, longest := -1, 0
	for i, m := range c.members {
		prefix := c.naming.Prefix(m.Name)
		if len(prefix) > longest && strings.HasPrefix(public, prefix) {
			member, longest, key = i, len(prefix), public[len(prefix):]
		}
	}
	return member, key
}
