package front

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
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
	c.Forwarder = x
	f.callModern(x, r, c, m)
	return nil
}

// checkModern checks what a modern request must say of itself.
func checkModern(m *mcp.Message, h http.Header) error {
	id := m.IDBytes()
	if id[0] != '"' && bytes.ContainsAny(id, ".eE") {
		return fault.New(fault.Invalid, "a request's id must be a string or an integer")
	}
	version, ok := m.Text(mcp.FieldMetaVersion)
	if !ok {
		return missingMeta(m, mcp.MetaVersion, "a string")
	}
	headers := modernHeaders(h)
	if strings.TrimSpace(headers.Version) == version && mcp.EraOf(version) != mcp.Modern {
		return refuseRequest(m, mcp.CodeUnsupportedVersion, versions(version),
			fault.New(fault.Unsupported, "protocol version %q is not one for requests without a session", version))
	}
	if sentence := m.CheckHeaders(headers); sentence != "" {
		return refuseRequest(m, mcp.CodeHeaderMismatch, nil, fault.New(fault.Invalid, "%s", sentence))
	}
	if caps := m.Value(mcp.FieldMetaCapabilities); len(caps) == 0 || caps[0] != '{' {
		return missingMeta(m, mcp.MetaCapabilities, "an object")
	}
	return checkAffinity(h)
}

func missingMeta(m *mcp.Message, key, what string) error {
	return refuseRequest(m, mcp.CodeInvalidParams, nil, fault.New(fault.Invalid, "params._meta must hold %q, %s", key, what))
}

func checkAffinity(h http.Header) error {
	if a := h.Get(headerAffinity); a != "" && (len(a) < minAffinity || len(a) > maxAffinity) {
		return fault.New(fault.Invalid, "header %s must be a random text of %d to %d characters", headerAffinity, minAffinity, maxAffinity)
	}
	return nil
}

// versions is the data of an error about an unknown version.
func versions(requested string) []byte {
	data := []byte(`{"supported":[`)
	for i, v := range mcp.Versions() {
		if i > 0 {
			data = append(data, ',')
		}
		data = mcp.Quote(data, v)
	}
	return append(mcp.Quote(append(data, `],"requested":`...), requested), '}')
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

// modernClient returns who sends a message. It owns its bytes: a call that waits for input outlives the message.
func modernClient(scope gateway.Scope, h http.Header, m *mcp.Message) *gateway.Client {
	c := &gateway.Client{
		Scope:     scope,
		Principal: anonymous,
		Era:       mcp.Modern,
		Affinity:  h.Get(headerAffinity),
		Meta: mcp.ClientMeta{
			Capabilities: bytes.Clone(m.Value(mcp.FieldMetaCapabilities)),
			Info:         bytes.Clone(m.Value(mcp.FieldMetaClientInfo)),
		},
	}
	c.Meta.Version, _ = m.Text(mcp.FieldMetaVersion)
	c.Meta.LogLevel, _ = m.Text(mcp.FieldMetaLogLevel)
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
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	reply := newReply(x, ctx, func() channel { return newOutbox() }, cancel)
	defer reply.end(0, nil) // of a panic
	answer, err := f.Gateway.Serve(ctx, c, m, reply)
	if err != nil {
		x.err = err
		code := answerCode(mcp.Modern, m.Method, err)
		answer = gateway.Answer{Body: answerError(mcp.Modern, m, err), Code: code}
	}
	reply.end(modernStatus(answer.Code), answer.Body)
}
