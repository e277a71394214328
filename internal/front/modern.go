package front

import (
	"net/http"
	"strings"

	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
	"onemcp/internal/wire"
)

// headerAffinity carries a text that a modern client chose at random, to keep its backend sessions
// from one request to the next.
const headerAffinity = "X-1mcp-Affinity"

// The bounds of an affinity: shorter ones hold less than 128 bits.
const (
	minAffinity = 22
	maxAffinity = 256
)

func (f *Front) postModern(x *exchange, r *http.Request, at place, m *mcp.Message) error {
	switch m.Kind {
	case mcp.Request:
	case mcp.Notification:
		f.Gateway.Notify(r.Context(), modernClient(at.scope, r.Header, m), m)
		x.WriteHeader(http.StatusAccepted)
		return nil
	default:
		return fault.New(fault.Invalid, "answers are not posted in protocol version %s", mcp.LatestModern).WithHint("repeat the request with inputResponses")
	}
	if err := checkModern(m, r.Header); err != nil {
		return err
	}
	c := modernClient(at.scope, r.Header, m)
	c.Forwarder, x.version = x, c.Meta.Version
	f.callModern(x, r, c, m)
	return nil
}

// checkModern checks what a modern request must say of itself, and that the headers say the same.
func checkModern(m *mcp.Message, h http.Header) error {
	if err := wire.CheckID(m); err != nil {
		return err
	}
	headers := modernHeaders(h)
	if version, ok := m.Version(); !ok || strings.TrimSpace(headers.Version) == version {
		if err := wire.CheckVersion(m); err != nil {
			return refuseModern(m, err)
		}
	}
	if sentence := m.CheckHeaders(headers); sentence != "" {
		return refuseModern(m, &wire.Refused{Code: mcp.CodeHeaderMismatch, Err: fault.New(fault.Invalid, "%s", sentence)})
	}
	if err := wire.CheckCapabilities(m); err != nil {
		return refuseModern(m, err)
	}
	return checkAffinity(h)
}

func checkAffinity(h http.Header) error {
	if a := h.Get(headerAffinity); a != "" && (len(a) < minAffinity || len(a) > maxAffinity) {
		return fault.New(fault.Invalid, "header %s must be a random text of %d to %d characters", headerAffinity, minAffinity, maxAffinity).
			WithHint("or leave it out: each request then stands alone")
	}
	return nil
}

func modernHeaders(h http.Header) mcp.Headers {
	var out mcp.Headers
	out.Version, out.VersionOK = header(h, mcp.HeaderVersion)
	out.Method, out.MethodOK = header(h, mcp.HeaderMethod)
	out.Name, out.NameOK = header(h, mcp.HeaderName)
	return out
}

func header(h http.Header, canonical string) (value string, ok bool) {
	if values := h[canonical]; len(values) > 0 {
		return values[0], true
	}
	return "", false
}

// modernClient returns who sends a message.
func modernClient(scope gateway.Scope, h http.Header, m *mcp.Message) *gateway.Client {
	c := gateway.RequestClient(scope, m)
	c.Affinity = h.Get(headerAffinity)
	for name, values := range h {
		if strings.HasPrefix(name, mcp.HeaderParam) {
			for _, value := range values {
				c.Params = append(c.Params, [2]string{name, value})
			}
		}
	}
	return c
}

// callModern serves a modern request. A client that hangs up, or cannot be written to, cancels it.
func (f *Front) callModern(x *exchange, r *http.Request, c *gateway.Client, m *mcp.Message) {
	ctx := life.With(r.Context()) // by itself: a call that is parked keeps it
	defer ctx.End(nil)
	reply := x.replies(ctx, nil, ctx)
	defer reply.end(0, nil) // of a panic
	answer, err := f.Gateway.Serve(ctx, c, m, reply)
	if err != nil {
		x.err = err
		answer = gateway.Answer{Body: wire.Answer(mcp.Modern, m, err), Code: wire.AnswerCode(mcp.Modern, m.Method, err)}
	}
	reply.end(wire.Status(answer.Code), answer.Body)
}
