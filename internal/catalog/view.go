package catalog

import (
	"sync"

	"onemcp/internal/mcp"
)

// View is what one caller may see of a catalog.
type View struct {
	catalog *Catalog
	shown   []bool
	crossed [mcp.Modern + 1]bool        // by era, whether its tools differ from what the servers wrote
	bodies  [mcp.Modern + 1][kinds]body // those of no era are as the servers wrote them
}

type body struct {
	once  sync.Once
	whole []byte // `"tools":[…]`
	ends  []int  // where each item ends in it
}

// page returns the list with the items from one on and before another.
func (b *body) page(k Kind, from, to int) []byte {
	begin := len(opening(k))
	start := begin
	if from > 0 {
		start = b.ends[from-1] + 1
	}
	end := start
	if to > from {
		end = b.ends[to-1]
	}
	out := append(make([]byte, 0, begin+end-start+1), b.whole[:begin]...)
	return append(append(out, b.whole[start:end]...), ']')
}

// opening is what a list begins with.
func opening(k Kind) string { return `"` + k.String() + `":[` }

// Shows reports whether a member belongs to the view.
func (v *View) Shows(member int) bool { return member >= 0 && v.shown[member] }

// Resolve finds the tool or prompt of a merged name.
func (v *View) Resolve(k Kind, public string) (Route, bool) {
	r, ok := v.catalog.byName[k][public]
	if !ok || !v.shown[r.Member] {
		return Route{}, false
	}
	return r, true
}

// ResolveText is [View.Resolve] for a name that lies in a message.
func (v *View) ResolveText(k Kind, public []byte) (Route, bool) {
	r, ok := v.catalog.byName[k][string(public)] // no copy is made
	if !ok || !v.shown[r.Member] {
		return Route{}, false
	}
	return r, true
}

// Claimant is [Catalog.Claimant] within the view.
func (v *View) Claimant(public string) (member int, key string) {
	member, key = v.catalog.Claimant(public)
	if !v.Shows(member) {
		return -1, ""
	}
	return member, key
}

// ResolveURI finds the member that serves a resource: the first that lists it, else the first one of
// whose templates matches.
func (v *View) ResolveURI(uri string) (member int, ok bool) {
	for _, i := range v.catalog.resources[uri] {
		if v.shown[i] {
			return i, true
		}
	}
	for _, t := range v.catalog.templates {
		if v.shown[t.member] && t.pattern.MatchString(uri) {
			return t.member, true
		}
	}
	return -1, false
}

// ResolveTemplate finds the member that lists a resource template, or serves a resource, of
// that text; completion refers to both.
func (v *View) ResolveTemplate(text string) (member int, ok bool) {
	for _, t := range v.catalog.templates {
		if t.text == text && v.shown[t.member] {
			return t.member, true
		}
	}
	return v.ResolveURI(text)
}

// Len returns how many items a list has.
func (v *View) Len(k Kind) int { return len(v.prepare(k, mcp.NoEra).ends) }

// List returns `"tools":[…]` with the items from the offset on, at most limit of them (0: all), for a client of an era, or
// of none, as the servers wrote them; more tells that some are left. The bytes are shared: do not change them.
func (v *View) List(k Kind, era mcp.Era, offset, limit int) (text []byte, more bool) {
	b := v.prepare(k, era)
	all := len(b.ends)
	if offset == 0 && (limit <= 0 || limit >= all) {
		return b.whole, false
	}
	end := all
	if limit > 0 {
		end = min(end, offset+limit)
	}
	return b.page(k, offset, end), end < all
}

func (v *View) prepare(k Kind, era mcp.Era) *body {
	if k != Tools || !v.crossed[era] {
		era = mcp.NoEra
	}
	b := &v.bodies[era][k]
	b.once.Do(func() {
		if k == Tools || k == Prompts {
			b.render(k, v.namedEntries(k, era))
		} else {
			b.render(k, v.uriEntries(k))
		}
	})
	return b
}

func (v *View) namedEntries(k Kind, era mcp.Era) (entries [][]byte) {
	for _, public := range v.catalog.names[k] {
		route := v.catalog.byName[k][public]
		if !v.shown[route.Member] {
			continue
		}
		entry := Item{Raw: route.Raw, Key: route.Key}.renamed(k, public)
		if era != mcp.NoEra && !v.catalog.members[route.Member].speaks(era) {
			entry = untasked(entry)
		}
		entries = append(entries, entry)
	}
	return entries
}

// uriEntries lists each uri once: the first member that has it serves it.
func (v *View) uriEntries(k Kind) (entries [][]byte) {
	seen := make(map[string]bool)
	for i, m := range v.catalog.members {
		if !v.shown[i] || m.Offer == nil {
			continue
		}
		for _, item := range m.Offer.Items[k] {
			if !seen[item.Key] {
				seen[item.Key] = true
				entries = append(entries, item.Raw)
			}
		}
	}
	return entries
}

// render keeps the list of entries in one piece of memory.
func (b *body) render(k Kind, entries [][]byte) {
	n := len(opening(k)) + 1
	for _, e := range entries {
		n += len(e) + 1
	}
	out := append(make([]byte, 0, n), opening(k)...)
	b.ends = make([]int, len(entries))
	for i, e := range entries {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, e...)
		b.ends[i] = len(out)
	}
	b.whole = append(out, ']')
}

// Caching returns how long the view's lists may be kept, in milliseconds, and whether they may be shown
// to everybody: the lowest and the narrowest of all parts.
func (v *View) Caching() (ttl int64, public bool) {
	first := true
	for i, m := range v.catalog.members {
		if !v.shown[i] || m.Offer == nil {
			continue
		}
		if first {
			ttl, public, first = m.Offer.TTL, m.Offer.Public, false
			continue
		}
		ttl, public = min(ttl, m.Offer.TTL), public && m.Offer.Public
	}
	return ttl, public
}
