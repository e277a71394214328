package gateway

// A gap is the time from the end of one round to the acknowledgement of the next where the two do not overlap: the round broke off, the
// connection was lost, or the server knows one subscription only. What changes in it the backend can tell nobody. So, when the next round is in
// place, the lists are asked for again, and who follows a resource is told, once, that it may have changed: what was told for
// nothing costs a look, and what was not told is never looked at. The zero value is no gap.
type gap struct {
	lists bool
	uris  map[string]struct{} // which of them the round before named
}

// begin notes that a round has ended. Gaps may follow each other.
func (g *gap) begin(uris []string) {
	g.lists = true
	for _, uri := range uris {
		if g.uris == nil {
			g.uris = make(map[string]struct{})
		}
		g.uris[uri] = struct{}{}
	}
}

// end comes with the acknowledgement of a round that names some uris. It returns whether the lists may have changed, and which resources.
func (g *gap) end(uris []string) (lists bool, changed map[string]struct{}) {
	changed = make(map[string]struct{})
	for _, uri := range uris {
		if _, unheard := g.uris[uri]; unheard {
			changed[uri] = struct{}{}
		}
	}
	lists = g.lists
	*g = gap{}
	return lists, changed
}

// interrupted begins the gap after a round.
func (s *subscriptions) interrupted(r *round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gap.begin(r.uris)
}

// resumed tells what may have changed in a gap.
func (s *subscriptions) resumed(lists bool, changed map[string]struct{}) {
	if lists {
		s.refresh()
	}
	if len(changed) > 0 {
		s.b.g.hub.doubt(s.b.name, changed)
	}
}
