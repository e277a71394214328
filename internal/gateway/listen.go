package gateway

import (
	"context"
	"maps"
	"slices"
	"sync"

	"onemcp/internal/life"
	"onemcp/internal/mcp"
)

// A round is one subscriptions/listen towards a modern backend.
type round struct {
	subs    *subscriptions
	uris    []string
	version int // of uris
	id      uint64
	cancel  context.CancelFunc
	acked   chan struct{} // closed when the backend has acknowledged
	over    chan bool     // tells, once, whether another round makes sense
	once    sync.Once
}

// listen keeps one round open until ctx ends. When the wanted resources change, the next round is
// acknowledged before the last one is closed, which lingers, so that nothing is missed between. Where that cannot be there is a
// gap.
func (s *subscriptions) listen(ctx context.Context, l *link) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	var now *round
	defer func() { s.interrupted(now) }()
	defer s.handedOver()
	defer group.Wait()
	defer cancel()
	now = s.open(ctx, l, &group)
	var earlier lingering
	turns := turns{many: l.info.Streams}
	for {
		select {
		case <-ctx.Done():
			return
		case again := <-now.over:
			if !again && !s.bar(now) {
				s.setRefused(true)
				return
			}
			s.interrupted(now)
			if again {
				life.Pause(ctx, relisten)
			}
			now = s.open(ctx, l, &group)
		case <-s.resub:
			if !turns.many {
				now = turns.replace(ctx, s, l, now, &group)
			} else if next, changed := s.next(ctx, l, now, &group); changed {
				earlier.add(now)
				now = next
			}
		case <-turns.over():
			earlier.end() // or their ends would come later, as that of all
			now = turns.renew(ctx, s, l, now, &group)
		case <-earlier.over:
			earlier.end()
			s.handedOver()
		}
	}
}

func (s *subscriptions) open(ctx context.Context, l *link, group *sync.WaitGroup) *round {
	uris, version := s.wanted()
	ctx, cancel := context.WithCancel(ctx)
	r := &round{subs: s, uris: uris, version: version, cancel: cancel, acked: make(chan struct{}), over: make(chan bool, 1)}
	request, err := s.b.ownRequest(l, mcp.ClientMeta{Version: l.info.Version, Info: s.b.g.info}, mcp.MethodListen, listenParams(uris))
	if err != nil {
		cancel()
		r.over <- true
		return r
	}
	r.id = request.ID
	group.Go(func() {
		defer cancel()
		reply, err := l.conn.Call(ctx, request, r) // without a timeout: silence is its nature
		r.over <- err != nil || reply.Kind != mcp.Error
	})
	return r
}

// settle waits until the round is acknowledged or over.
func (r *round) settle(ctx context.Context) {
	select {
	case <-r.acked:
	case again := <-r.over:
		r.over <- again
	case <-ctx.Done():
	}
}

// Notify implements upstream.Sink.
func (r *round) Notify(m *mcp.Message) {
	switch {
	case m.Method == mcp.NoteAcknowledged:
		r.subs.acknowledge(r, notIn(r.uris, mcp.Member(m.Value(mcp.FieldNotifications), "resourceSubscriptions")))
		r.once.Do(func() { close(r.acked) })
	case r.subs.pass(r, m):
		r.subs.tell(m)
	}
}

// Ask implements upstream.Sink.
func (r *round) Ask(m *mcp.Message, answer func([]byte)) { unasked(m, answer) }

// unasked refuses a request on a subscription: modern backends ask nothing.
func unasked(m *mcp.Message, answer func([]byte)) {
	answer(mcp.AppendError(nil, m.IDBytes(), mcp.CodeMethodNotFound, "no requests are taken here", nil))
}

// notIn returns the texts that a raw list does not hold.
func notIn(all []string, list []byte) (missing []string) {
	for _, text := range all {
		if !slices.ContainsFunc(mcp.Elements(list), func(raw []byte) bool {
			one, _ := mcp.Unquote(raw)
			return one == text
		}) {
			missing = append(missing, text)
		}
	}
	return missing
}

func (s *subscriptions) acknowledge(r *round, denied []string) {
	s.mu.Lock()
	if r.version >= s.acked {
		s.acked, s.taken = r.version, setOf(r.uris)
		for _, uri := range denied {
			delete(s.taken, uri)
		}
		s.denied = slices.AppendSeq(denied, maps.Keys(s.barred))
		s.handover.turn()
	}
	lists, changed := s.gap.end(r.uris)
	s.mu.Unlock()
	s.changes.fire()
	s.resumed(lists, changed)
}

func (s *subscriptions) setRefused(refused bool) {
	s.mu.Lock()
	s.refused = refused
	s.mu.Unlock()
	s.changes.fire()
}

// bar takes that out of what is listened for which a backend may have refused a round for: the resources that are new in it, else all. One that
// may not be followed must not cost the others theirs. It reports whether there is any.
func (s *subscriptions) bar(r *round) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := setOf(r.uris)
	maps.DeleteFunc(fresh, func(uri string, _ struct{}) bool { _, taken := s.taken[uri]; return taken })
	if len(fresh) == 0 {
		fresh = setOf(r.uris)
	}
	maps.Copy(fresh, s.barred)
	s.barred = fresh
	return len(r.uris) > 0
}

// unbar has a new connection be asked for everything.
func (s *subscriptions) unbar() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.barred = nil
}

func setOf(uris []string) map[string]struct{} {
	set := make(map[string]struct{}, len(uris))
	for _, uri := range uris {
		set[uri] = struct{}{}
	}
	return set
}

func listenParams(uris []string) []byte {
	p := []byte(`{"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true`)
	if len(uris) > 0 {
		p = append(p, `,"resourceSubscriptions":[`...)
		for i, uri := range uris {
			if i > 0 {
				p = append(p, ',')
			}
			p = mcp.Quote(p, uri)
		}
		p = append(p, ']')
	}
	return append(p, `}}`...)
}
