package front

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/wire"
)

// errNoBatch is what arrays get where they are not served: one protocol version had them.
var errNoBatch = fault.New(fault.Invalid, "batches are served over streamable HTTP in sessions of protocol version %s only", mcp.Version20250326).WithHint("send one message per request")

// postBatch serves a body of several messages, each as if it had come alone. The answers come as one array, or
// one by one if there is a stream.
func (f *Front) postBatch(x *exchange, r *http.Request, at place, body []byte) error {
	msgs, wrong := wire.ScanBatch("body", body)
	if fault.KindOf(wrong) == fault.Malformed {
		return wrong
	}
	if len(r.Header[mcp.HeaderSession]) == 0 {
		return errNoBatch
	}
	s, err := f.session(x, r, at)
	if err != nil {
		return err
	}
	if s.Version != mcp.Version20250326 {
		return errNoBatch
	}
	if wrong != nil {
		return wrong
	}
	c := gateway.SessionClient(at.scope, s)
	c.Forwarder = x
	f.serveBatch(x, r, c, msgs)
	return nil
}

// serveBatch begins the messages in their order, and waits for the answers to all requests.
func (f *Front) serveBatch(x *exchange, r *http.Request, c *gateway.Client, msgs []mcp.Message) {
	reply := x.replies(r.Context(), c.Session, nil)
	defer reply.endAll()
	var calls sync.WaitGroup
	defer calls.Wait()
	ctx := context.WithoutCancel(r.Context())
	for i := range msgs {
		switch m := &msgs[i]; m.Kind {
		case mcp.Request:
			calls.Go(func() { f.callInBatch(ctx, c, m, reply) })
		case mcp.Notification:
			f.Gateway.Notify(ctx, c, m)
		default:
			f.Gateway.Answer(c, m)
		}
	}
}

// callInBatch serves one request of a batch.
func (f *Front) callInBatch(ctx context.Context, c *gateway.Client, m *mcp.Message, to *reply) {
	defer func() {
		if p := recover(); p != nil {
			f.Log.Error("a request panicked", "request", to.x.id[0], "rpc", m.Method, "panic", p, "stack", stack())
			to.add(wire.Answer(mcp.Legacy, m, fault.New(fault.Internal, "internal error")))
		}
	}()
	answer, err := f.Gateway.Serve(ctx, c, m, onlyStream{to})
	switch {
	case err == nil:
		to.add(answer.Body)
	case errors.Is(err, session.ErrCancelled):
	case refuses(err):
		refusal := refusalOf(err)
		to.add(refusal.body(err))
	default:
		f.Log.Info("a request failed", "request", to.x.id[0], "rpc", m.Method, "error", logged(err))
		to.add(wire.Answer(mcp.Legacy, m, err))
	}
}

// onlyStream hides that a reply can take an answer while it comes: those of a batch come together.
type onlyStream struct{ gateway.Stream }
