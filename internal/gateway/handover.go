package gateway

import (
	"context"
	"sync"
	"time"

	"onemcp/internal/mcp"
)

const (
	// linger is how long a round stays open when the next one has been acknowledged: what is on its way, lost once and
	// sent again, has come by then.
	linger = time.Second / 2
	// maxLingering is how many rounds do so at a time.
	maxLingering = 4
	// maxToldApart is how many messages are told apart in a handover.
	maxToldApart = 1000
)

// A handover is the time when a round lingers. Each round has a stream of its own, and what a backend said on the
// last one, before it took the next, may be read after the acknowledgement of the next. So it is held until the round is
// closed, and told then, unless the same has come on the next round, where all that happens later is told anyway.
type handover struct {
	held map[string]*mcp.Message // by what they tell
	seen map[string]struct{}     // what has come on the newest round
}

// begin comes before the next round. What an earlier handover holds stays.
func (h *handover) begin() {
	if h.seen == nil {
		h.held, h.seen = make(map[string]*mcp.Message), make(map[string]struct{})
	}
}

// turn comes with the acknowledgement of the next round, which from then on is the newest.
func (h *handover) turn() { clear(h.seen) }

// end returns what nobody has been told.
func (h *handover) end() map[string]*mcp.Message {
	held := h.held
	*h = handover{}
	return held
}

// pass decides whether a message is told at once. One of an earlier round is not.
func (h *handover) pass(m *mcp.Message, newest bool) bool {
	if h.seen == nil { // no round lingers
		return newest
	}
	uri, _ := m.Text(mcp.FieldURI)
	what := m.Method + " " + uri
	_, seen := h.seen[what]
	switch {
	case newest && len(h.seen) < maxToldApart:
		h.seen[what] = struct{}{}
		delete(h.held, what)
	case newest || seen:
	case len(h.held) < maxToldApart:
		h.held[what] = m.Clone()
	default:
		return true
	}
	return newest
}

// lingering are the earlier rounds that are still open.
type lingering struct {
	rounds []*round
	over   <-chan time.Time // fires when none of them is needed any more
}

// add has a round linger, for which the oldest may have to go.
func (l *lingering) add(r *round) {
	if l.rounds = append(l.rounds, r); len(l.rounds) > maxLingering {
		l.rounds[0].cancel()
		l.rounds = l.rounds[1:]
	}
	l.over = time.After(linger)
}

// end closes all rounds.
func (l *lingering) end() {
	for _, r := range l.rounds {
		r.cancel()
	}
	*l = lingering{}
}

// next opens the round that is to follow now, unless that listens for what is wanted already.
func (s *subscriptions) next(ctx context.Context, l *link, now *round, group *sync.WaitGroup) (*round, bool) {
	s.mu.Lock()
	same := s.version == now.version
	if !same {
		s.handover.begin()
	}
	s.mu.Unlock()
	if same {
		return now, false
	}
	next := s.open(ctx, l, group)
	next.settle(ctx)
	return next, true
}

// pass decides whether what has come on a round is told at once.
func (s *subscriptions) pass(r *round, m *mcp.Message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handover.pass(m, r.version >= s.acked)
}

// handedOver tells what was held.
func (s *subscriptions) handedOver() {
	s.mu.Lock()
	held := s.handover.end()
	s.mu.Unlock()
	for _, m := range held {
		s.tell(m)
	}
}

// tell passes on what the backend has said on a subscription.
func (s *subscriptions) tell(m *mcp.Message) {
	switch m.Method {
	case mcp.NoteResourceUpdated:
		s.b.g.hub.updated(s.b.name, m)
	case mcp.NoteToolsChanged, mcp.NotePromptsChanged, mcp.NoteResourcesChanged:
		s.listChanged(m.Method)
	}
}
