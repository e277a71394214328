package gateway

import (
	"context"
	"io"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// Pour implements upstream.Pourer: a result goes to the client while it comes if it can be made the client's on the way. One
// that may be a task is wanted whole, since much depends on which.
func (s *callSink) Pour(ctx context.Context, r upstream.Coming) io.WriteCloser {
	k := s.k
	if s.errand {
		return nil
	}
	if k.parked != nil {
		if k = k.parked.answering(); k == nil {
			return nil
		}
	}
	st, ok := k.st.(Pourer)
	if !ok {
		return nil
	}
	how, ok := k.relaying(s.l, r.Head, s.r)
	if !ok {
		return nil
	}
	length := r.Length
	if length >= 0 {
		length += int64(len(how.ID) - len(mcp.AppendUint(nil, s.r)))
	}
	if how.Modernize {
		length = -1
	}
	to := st.Pour(ctx, length, r.Event)
	if to == nil {
		return nil
	}
	k.relay = mcp.NewRelay(&pouring{to, k, s.l.b.name}, s.r, how)
	return k.relay
}

// relaying returns what is to be done to the result of request ours, which begins with head; ok is false if that takes the whole of it.
func (k *call) relaying(l *link, head []byte, ours uint64) (how mcp.ResultRewrite, ok bool) {
	how = mcp.ResultRewrite{ID: k.m.IDBytes()}
	switch {
	case !passesAsItIs(k.m.Method):
		return how, false
	case k.c.Era == l.info.Era:
		return how, true
	case k.c.Era == mcp.Modern:
		how.Modernize, how.Method, how.ServerInfo = true, k.m.Method, l.info.ServerInfo()
		return how, true
	}
	how.Complete = true // others mean that the client is to be asked
	return how, mcp.BeginsComplete(head, ours)
}

// pouring is where a result goes that a relay has checked.
type pouring struct {
	io.WriteCloser
	k       *call
	backend string
}

// Close implements io.Closer. It notes what is to be remembered of the result before the client has all of it, and may
// ask for what it shows.
func (p *pouring) Close() error {
	for _, uri := range p.k.relay.Resources() {
		p.k.g.origins.add(p.k.c, p.backend, uri)
	}
	if id, ok := p.k.relay.Task(); ok {
		p.k.g.owners.addTask(p.k.c, p.backend, id)
	}
	return p.WriteCloser.Close()
}

// passesAsItIs reports whether the results of a method pass unchanged within an era, and between eras with what makes them
// modern. Lists may be filtered, and others are
// never large.
func passesAsItIs(method string) bool {
	switch method {
	case mcp.MethodToolsCall, mcp.MethodResourcesRead, mcp.MethodPromptsGet, mcp.MethodTasksResult:
		return true
	}
	return false
}
