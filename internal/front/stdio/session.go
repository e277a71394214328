package stdio

import (
	"context"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
)

// initialize opens the session.
func (f *Front) initialize(ctx context.Context, m *mcp.Message) (gateway.Answer, error) {
	s, answer, err := f.o.Gateway.Initialize(ctx, f.o.Scope, gateway.Anonymous, "stdio", m)
	if err != nil {
		return answer, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.session = s
	return answer, nil
}

// opened follows the answer to initialize: requests that came meanwhile go on, and what the session has for its client
// is passed on. After a failure the client may try again.
func (f *Front) opened() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.opening)
	if f.session == nil {
		f.opening = nil
		return
	}
	s := f.session
	f.lasting.Go(func() {
		push := func(msg []byte) error { f.out.Push(msg); return nil }
		_ = s.Attach(f.calls, 0, push, nil) // however it ends, the client has gone
	})
}

// settleSession waits for an initialize that is not over.
func (f *Front) settleSession(ctx context.Context) {
	f.mu.Lock()
	opening := f.opening
	f.mu.Unlock()
	if opening == nil {
		return
	}
	select {
	case <-opening:
	case <-ctx.Done():
	}
}
