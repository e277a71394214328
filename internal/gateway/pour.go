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
	k.relay = mcp.NewRelay(to, s.r, id)
	return k.relay
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

// poured notes what is to be remembered of a result that the client has.
func (k *call) poured(t target) Answer {
	for _, uri := range k.relay.Resources() {
		k.g.origins.add(k.c, t.b.name, uri)
	}
	if id, ok := k.relay.Task(); ok {
		k.g.owners.addTask(k.c, t.b.name, id)
	}
	return Answer{}
}
