package relay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"onemcp/internal/gateway"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/sse"
)

// maxLate bounds the delivery of a message that nobody waits for.
const maxLate = 10 * time.Second

// Initialize implements stdio.Gateway: it opens the session at the gateway, which is kept open from then on. An error that the
// gateway answers with is the answer, and there is no session.
func (r *Relay) Initialize(ctx context.Context, _ gateway.Scope, principal, endpoint string, m *mcp.Message) (*session.Session, gateway.Answer, error) {
	s, body, err := r.open(ctx, m)
	if err != nil || s == nil {
		return nil, gateway.Answer{Body: body}, err
	}
	local, err := r.local.Open(session.Spec{Principal: principal, Endpoint: endpoint, Version: s.version})
	if err != nil {
		return nil, gateway.Answer{}, err
	}
	r.mu.Lock()
	r.hello, r.current, r.own = m.Raw, s, local
	r.mu.Unlock()
	if s.id != "" {
		r.tasks.Go(func() { r.listen(local) })
	}
	return local, gateway.Answer{Body: body}, nil
}

// open sends an initialize. Without a session, body is the gateway's refusal.
func (r *Relay) open(ctx context.Context, m *mcp.Message) (s *remote, body []byte, err error) {
	k := &call{r: r, m: m, st: nowhere{}}
	body, head, err := k.exchange(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	answer, err := mcp.Scan(body)
	if err != nil || answer.Kind != mcp.Result {
		return nil, body, nil
	}
	result := answer.Bytes(answer.Result)
	version, _ := mcp.Unquote(mcp.Member(result, "protocolVersion"))
	return &remote{id: head.Get(mcp.HeaderSession), version: version, lists: changing(mcp.Member(result, "capabilities"))}, body, nil
}

// nowhere takes what comes beside the answer to an initialize.
type nowhere struct{}

// Send implements gateway.Stream.
func (nowhere) Send([]byte) {}

// Serve implements stdio.Gateway.
func (r *Relay) Serve(ctx context.Context, c *gateway.Client, m *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
	k := &call{r: r, m: m, st: st}
	if c.Era == mcp.Modern {
		body, err := k.modern(ctx, c)
		return gateway.Answer{Body: body}, err
	}
	body, err := k.legacy(ctx)
	if err == nil {
		r.lasting.note(m, body)
	}
	if errors.Is(context.Cause(ctx), session.ErrCancelled) {
		r.late("a cancellation", mcp.AppendNotification(nil, mcp.NoteCancelled, append(append([]byte(`{"requestId":`), m.IDBytes()...), '}')))
	}
	return gateway.Answer{Body: body}, err
}

// legacy sends the request in the session; in another one if the gateway does not know that any more.
func (k *call) legacy(ctx context.Context) ([]byte, error) {
	s := k.r.session()
	body, _, err := k.exchange(ctx, s.headers())
	if !errors.Is(err, errGone) {
		return body, err
	}
	if s, err = k.r.renew(ctx, s); err != nil {
		return nil, err
	}
	body, _, err = k.exchange(ctx, s.headers())
	if errors.Is(err, errGone) {
		return nil, k.lost()
	}
	return body, err
}

// renew opens a session in place of one that is gone, with the client's own initialize. Of several who find out, one opens.
func (r *Relay) renew(ctx context.Context, gone *remote) (*remote, error) {
	select {
	case <-r.renewing:
		defer func() { r.renewing <- struct{}{} }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if s := r.session(); s != gone {
		return s, nil
	}
	hello, err := mcp.Scan(r.hello)
	if err != nil {
		return nil, err
	}
	s, refusal, err := r.open(ctx, &hello)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return nil, r.notOpened(refusal)
	}
	r.mu.Lock()
	r.current = s
	local := r.own
	r.mu.Unlock()
	r.o.Log.Info("the session was gone; another one is open")
	r.tell("the end of the opening", r.deliver(ctx, s, mcp.AppendNotification(nil, mcp.NoteInitialized, nil)))
	r.takeUp(s, local)
	return s, nil
}

// deliver sends a message that is not answered.
func (r *Relay) deliver(ctx context.Context, s *remote, body []byte) error {
	resp, err := r.send(ctx, http.MethodPost, s.headers(), body)
	if err != nil {
		return err
	}
	defer discard(resp)
	switch {
	case resp.StatusCode == http.StatusNotFound && s.id != "":
		return errGone
	case resp.StatusCode >= 300:
		return r.refused(resp)
	}
	return nil
}

// Notify implements stdio.Gateway.
func (r *Relay) Notify(ctx context.Context, c *gateway.Client, m *mcp.Message) {
	if c.Era == mcp.Modern {
		r.tell("a notification", r.deliverModern(ctx, c, m))
		return
	}
	s := r.session()
	err := r.deliver(ctx, s, m.Raw)
	if errors.Is(err, errGone) {
		if s, err = r.renew(ctx, s); err == nil {
			err = r.deliver(ctx, s, m.Raw)
		}
	}
	r.tell("a notification", err)
}

// Answer implements stdio.Gateway: it sends the client's answer to a question. If the session of the question is gone, nobody
// waits for it.
func (r *Relay) Answer(_ *gateway.Client, m *mcp.Message) { r.late("an answer", m.Raw) }

// late delivers in the background.
func (r *Relay) late(what string, body []byte) {
	s := r.session()
	r.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(r.ctx, maxLate)
		defer cancel()
		r.tell(what, r.deliver(ctx, s, body))
	})
}

// tell logs that a message that nobody waits for did not arrive.
func (r *Relay) tell(what string, err error) {
	if err != nil && r.ctx.Err() == nil {
		r.o.Log.Warn("a message of the client's did not reach the gateway", "what", what, "error", err)
	}
}

// listen keeps the session's own stream open, for what belongs to no call, until the relay ends.
func (r *Relay) listen(local *session.Session) {
	var at place
	wait := firstPause
	for r.ctx.Err() == nil {
		s := r.session()
		heard, err := r.hear(s, &at, local)
		if errors.Is(err, errGone) {
			at = place{}
			_, err = r.renew(r.ctx, s)
		}
		switch {
		case errors.Is(err, errNoStream):
			return
		case err == nil || heard:
			wait = firstPause
		default:
			wait = min(2*wait, longPause)
		}
		if err != nil {
			life.Pause(r.ctx, max(wait, at.pause))
		}
	}
}

var errNoStream = errors.New("there is no stream")

// hear passes on what the session's stream brings, until it ends. heard says that it was there.
func (r *Relay) hear(s *remote, at *place, local *session.Session) (heard bool, err error) {
	resp, err := r.get(r.ctx, s.headers(), at)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return false, errGone
	case resp.StatusCode == http.StatusMethodNotAllowed:
		return false, errNoStream
	case resp.StatusCode != http.StatusOK || mediaType(resp) != typeStream:
		return false, r.refused(resp)
	}
	events := sse.NewReader(resp.Body, r.o.MaxMessage)
	for {
		data, err := r.next(events, at)
		if isFault(err) {
			r.o.Log.Warn("a message for the client was left out", "error", err)
			continue
		}
		if err != nil {
			return true, io.ErrUnexpectedEOF // also where it has ended in order: it is to be taken up again
		}
		local.Send(data)
	}
}
