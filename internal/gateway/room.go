package gateway

import (
	"context"

	"onemcp/internal/fault"
	"onemcp/internal/session"
)

// Connections that belong to a session are as many as there may be sessions. Those of clients without one are bounded for
// each backend: such a client may say at every call that it is another.

// sessionless reports whether a connection is a client's own and no session ends it.
func (k linkKey) sessionless() bool {
	_, ofSession := k.owner.(*session.Session)
	return k.owner != nil && !ofSession
}

// makeRoom decides whether another link may be opened. If there are too many, the one that has been idle for longest is
// closed, and ok is false until that has ended; if all are in use, that is the error. The caller holds b.mu.
func (b *backend) makeRoom(key linkKey) (ok bool, err error) {
	most := b.spec.Load().MaxConnections
	if most <= 0 || b.sessionless < most || !key.sessionless() || b.closed {
		return true, nil
	}
	var idlest *link
	for _, l := range b.links {
		idle, closing := l.spare()
		if closing {
			return false, nil
		}
		if idle && (idlest == nil || l.idleSince.Before(idlest.idleSince)) {
			idlest = l
		}
	}
	if idlest == nil {
		return false, b.full()
	}
	idlest.retire()
	return false, nil
}

// spare reports whether a link could be done without, and whether it is being closed for that.
func (l *link) spare() (idle, closing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.key.sessionless() && l.users == 0 && !l.idleSince.IsZero() && len(l.subscribed()) == 0, l.closing
}

// retire closes a spare link.
func (l *link) retire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = true
	l.close()
}

func (b *backend) full() *fault.Error {
	return fault.New(fault.Busy, "all %d connections to backend %q that clients may have of their own are in use", b.spec.Load().MaxConnections, b.name).
		WithHint("call again later, or raise its maxConnections")
}

// awaitRoom is linkFor for a link that has to wait for the end of another one.
func (b *backend) awaitRoom(ctx context.Context, key linkKey, c *Client) (*link, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.spec.Load().ConnectionTimeout, b.full())
	defer cancel()
	for {
		next := b.room.next()
		if l, err := b.tryLink(key, c); l != nil || err != nil {
			return l, err
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// removeLink forgets a link that is over.
func (b *backend) removeLink(l *link) {
	b.mu.Lock()
	if b.links[l.key] == l {
		delete(b.links, l.key)
	}
	if l.key.sessionless() {
		b.sessionless--
	}
	b.mu.Unlock()
	b.room.fire()
}
