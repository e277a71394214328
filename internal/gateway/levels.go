package gateway

import (
	"context"
	"iter"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/life"
	"onemcp/internal/mcp"
)

// setLevelTime bounds how long a client waits for backends to take its log level.
const setLevelTime = 5 * time.Second

// levelPause is how long a level that a backend has not taken is not asked of it again: each call may want it.
const levelPause = 30 * time.Second

// levels are the log levels that sessions and modern calls have asked for, by whose they are: of one owner, several
// calls may be in flight. The zero value is ready.
type levels struct {
	askers atomic.Int64 // so that nobody needs the lock while nobody asks

	mu    sync.Mutex
	of    map[any]map[any]mcp.Level // by owner and asker
	count map[mcp.Level]int         // of those who ask for one
}

// set notes what one asker wants: a session, or a client whose call it is.
func (v *levels) set(owner, asker any, l mcp.Level) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.forget(owner, asker)
	if v.of == nil {
		v.of, v.count = make(map[any]map[any]mcp.Level), make(map[mcp.Level]int)
	}
	if v.of[owner] == nil {
		v.of[owner] = make(map[any]mcp.Level)
	}
	v.of[owner][asker] = l
	v.count[l]++
	v.askers.Add(1)
}

func (v *levels) drop(owner, asker any) {
	if v.askers.Load() == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.forget(owner, asker)
}

// forget is drop for who holds v.mu.
func (v *levels) forget(owner, asker any) {
	l, asks := v.of[owner][asker]
	if !asks {
		return
	}
	if delete(v.of[owner], asker); len(v.of[owner]) == 0 {
		delete(v.of, owner)
	}
	if v.count[l]--; v.count[l] == 0 {
		delete(v.count, l)
	}
	v.askers.Add(-1)
}

// get returns the lowest level that one owner has asked for, NoLevel if it asked for none.
func (v *levels) get(owner any) mcp.Level {
	if v.askers.Load() == 0 {
		return mcp.NoLevel
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return lowest(maps.Values(v.of[owner]))
}

// lowest returns the lowest of all, NoLevel if nobody asked. It takes no longer the more of them there are.
func (v *levels) lowest() mcp.Level {
	v.mu.Lock()
	defer v.mu.Unlock()
	return lowest(maps.Keys(v.count))
}

func lowest(all iter.Seq[mcp.Level]) mcp.Level {
	low := mcp.NoLevel
	for l := range all {
		if low == mcp.NoLevel || l < low {
			low = l
		}
	}
	return low
}

// setLevel serves logging/setLevel: the level is remembered for the session and passed to the open
// legacy connections that the session uses.
func (k *call) setLevel(ctx context.Context, to []*backend) (Answer, error) {
	name, _ := k.m.Text(mcp.FieldLevel)
	level, ok := mcp.LevelOf(name)
	if !ok {
		return k.refuse(mcp.CodeInvalidParams, "unknown log level"), nil
	}
	k.g.levels.set(k.c.Session, k.c.Session, level)
	if k.c.Session.Context().Err() != nil { // it may have ended before
		k.g.levels.drop(k.c.Session, k.c.Session)
	}
	ctx, cancel := context.WithTimeout(ctx, setLevelTime)
	defer cancel()
	var group sync.WaitGroup
	for _, b := range to {
		for _, l := range b.legacyLinks(k.c) {
			group.Go(func() { l.applyLevel(ctx, k.c) })
		}
	}
	group.Wait()
	return k.result([]byte(`{}`)), nil
}

// legacyLinks returns the open legacy links that a client may use: the shared ones and its own.
func (b *backend) legacyLinks(c *Client) []*link {
	return b.openLinks(linkKey{era: mcp.Legacy}, linkKey{era: mcp.Legacy, owner: c.owner()})
}

// openLinks returns those of the links that are there and open.
func (b *backend) openLinks(keys ...linkKey) (out []*link) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		if l := b.links[key]; l != nil && l.isOpen() {
			out = append(out, l)
		}
	}
	return out
}

func (l *link) isOpen() bool { return l.opened.fallen.Load() && !l.isLost() }

func (l *link) isLost() bool { return l.lost.fallen.Load() }

// applyLevel brings a legacy backend's level to what the link's users want: the client's own, or where
// several share the link the lowest of all. A modern one is told with each request.
func (l *link) applyLevel(ctx context.Context, c *Client) {
	if l.info.Era != mcp.Legacy {
		return
	}
	want := l.b.g.levels.lowest()
	if l.client != nil {
		want = l.b.g.levels.get(c.owner())
	}
	if want == mcp.NoLevel || mcp.Member(l.info.Capabilities(), "logging") == nil {
		return
	}
	if !l.noteLevel(want, time.Now()) {
		return
	}
	params := append(mcp.Quote([]byte(`{"level":`), want.String()), '}')
	if reply, err := l.b.ask(ctx, l, mcp.MethodSetLevel, params); err != nil || reply.Kind == mcp.Error {
		l.missLevel(want, time.Now())
		l.b.log.Debug("log level was not taken", "level", want.String(), "err", err)
	}
}

// noteLevel notes the level that is about to be asked for. It reports false where there is nothing to ask: the connection has
// the level, or would not take it a moment ago.
func (l *link) noteLevel(want mcp.Level, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.level == want || l.missed == want && now.Before(l.missedUntil) {
		return false
	}
	l.level = want
	return true
}

// missLevel notes that a level was not taken. What the connection has now is not known.
func (l *link) missLevel(want mcp.Level, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.level == want {
		l.level = mcp.NoLevel
	}
	l.missed, l.missedUntil = want, now.Add(levelPause)
}

// openAtLevel gives the backend the level before the first call, which would log nothing otherwise: a
// client may set its level long before it has a connection of its own.
func (l *link) openAtLevel(ctx context.Context) {
	within, stop := life.Within(ctx, setLevelTime, context.DeadlineExceeded)
	defer stop()
	l.applyLevel(within, l.client)
}

// wantsLog decides whether a log message goes to a client: a modern one must have asked for a level on this
// request, a legacy one gets all until it sets one.
func (g *Gateway) wantsLog(c *Client, m *mcp.Message) bool {
	if c.Era == mcp.Modern {
		return loggedAt(c.Meta.LogLevel, m)
	}
	level, known := levelOf(m)
	return !known || level >= g.levels.get(c.Session)
}

// loggedAt decides whether a log message is for a modern request, by the level that this names.
func loggedAt(asked string, m *mcp.Message) bool {
	floor, ok := mcp.LevelOf(asked)
	if !ok {
		return false
	}
	level, known := levelOf(m)
	return !known || level >= floor
}

func levelOf(m *mcp.Message) (mcp.Level, bool) {
	name, _ := m.Text(mcp.FieldLevel)
	return mcp.LevelOf(name)
}
