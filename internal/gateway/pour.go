package gateway

import (
	"context"
	"io"

	"onemcp/internal/mcp"
)

// Pour implements upstream.Pourer: a result of which only the id changes goes to the client while it comes.
func (s *callSink) Pour(ctx context.Context, length int64) io.WriteCloser {
	k := s.k
	st, ok := k.st.(Pourer)
	if !ok || k.c.Era != s.l.info.Era || !passesAsItIs(k.m.Method) {
		return nil
	}
	id := k.m.IDBytes()
	if length >= 0 {
		length += int64(len(id) - len(mcp.AppendUint(nil, s.r)))
	}
	to := st.Pour(ctx, length)
	if to == nil {
		return nil
	}
	k.relay = mcp.NewRelay(&pouring{to, k, s.l.b.name}, s.r, id)
	return k.relay
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

// passesAsItIs reports whether the results of a method pass unchanged within an era. Lists may be filtered, and others are
// never large.
func passesAsItIs(method string) bool {
	switch method {
	case mcp.MethodToolsCall, mcp.MethodResourcesRead, mcp.MethodPromptsGet, mcp.MethodTasksResult:
		return true
	}
	return false
}
