package relay

import (
	"bytes"
	"context"
	"net/http"
	"sync"

	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
)

// headerAffinity keeps a client's backend sessions from one request to the next.
const headerAffinity = "X-1mcp-Affinity"

// modern sends a request that stands alone. Its headers repeat what its body says. Where they miss marks that the
// client has not been shown through us, the tools are listed once.
func (k *call) modern(ctx context.Context, c *gateway.Client) ([]byte, error) {
	body, _, err := k.exchange(ctx, k.headers(c))
	if err != nil {
		return nil, err
	}
	m, err := mcp.Scan(body)
	if err != nil {
		return body, nil // it was scanned before
	}
	switch {
	case k.m.Method == mcp.MethodToolsList && m.Kind == mcp.Result:
		k.r.marks.learn(m.Bytes(m.Result), !k.m.Has(mcp.FieldCursor))
	case k.m.Method == mcp.MethodToolsCall && m.ErrorCode() == mcp.CodeHeaderMismatch:
		if k.listTools(ctx, c) {
			body, _, err = k.exchange(ctx, k.headers(c))
		}
	}
	return body, err
}

// headers repeats what the body of a modern message says.
func (k *call) headers(c *gateway.Client) http.Header {
	h := http.Header{}
	h.Set(mcp.HeaderVersion, c.Meta.Version)
	h.Set(mcp.HeaderMethod, mcp.EncodeHeader(k.m.Method))
	h.Set(headerAffinity, c.Affinity)
	if method := mcp.MethodOf(k.m.Method); method.HasName {
		if name, ok := k.m.Text(method.Subject); ok {
			h.Set(mcp.HeaderName, mcp.EncodeHeader(name))
		}
	}
	if k.m.Method == mcp.MethodToolsCall {
		name, _ := k.m.Text(mcp.FieldName)
		for _, param := range mcp.ParamValues(k.r.marks.of(name), k.m.Value(mcp.FieldArguments)) {
			h.Set(param[0], param[1])
		}
	}
	return h
}

// maxPages bounds what a list that goes on for ever can cost.
const maxPages = 100

// listTools learns the marks of all tools, in the name of the client's call.
func (k *call) listTools(ctx context.Context, c *gateway.Client) bool {
	params := append(append([]byte(`{"_meta":`), k.m.Value(mcp.FieldMeta)...), '}')
	for n := range maxPages {
		m, err := mcp.Scan(mcp.AppendRequest(nil, 1, mcp.MethodToolsList, params))
		if err != nil {
			return false
		}
		list := &call{r: k.r, m: &m, st: nowhere{}}
		body, _, err := list.exchange(ctx, list.headers(c))
		if err != nil {
			return false
		}
		answer, err := mcp.Scan(body)
		if err != nil || answer.Kind != mcp.Result {
			return false
		}
		k.r.marks.learn(answer.Bytes(answer.Result), n == 0)
		cursor := answer.Value(mcp.FieldResultCursor)
		if cursor == nil {
			break
		}
		params = append(append([]byte(`{"cursor":`), cursor...), ',')
		params = append(append(append(params, `"_meta":`...), k.m.Value(mcp.FieldMeta)...), '}')
	}
	return true
}

// deliverModern sends a notification that stands alone.
func (r *Relay) deliverModern(ctx context.Context, c *gateway.Client, m *mcp.Message) error {
	k := &call{r: r, m: m}
	resp, err := r.send(ctx, http.MethodPost, k.headers(c), m.Raw)
	if err != nil {
		return err
	}
	defer discard(resp)
	if resp.StatusCode >= 300 {
		return r.refused(resp)
	}
	return nil
}

// notOpened is the error of a session that the gateway does not open again.
func (r *Relay) notOpened(refusal []byte) error {
	m, err := mcp.Scan(refusal)
	if err != nil {
		return fault.New(fault.Unavailable, "the gateway at %s does not open the session again", r.o.Shown).WithCause(err)
	}
	return fault.New(fault.Unavailable, "the gateway at %s does not open the session again: %s", r.o.Shown, m.ErrorMessage()).WithHint("start the client anew")
}

// marks are the header marks of the tools that have been listed. The zero value is ready.
type marks struct {
	mu     sync.Mutex
	byTool map[string][]mcp.ParamHeader
}

// learn takes the marks from a page of tools; the first page replaces what was known.
func (k *marks) learn(result []byte, first bool) {
	found := map[string][]mcp.ParamHeader{}
	if bytes.Contains(result, []byte("x-mcp-header")) {
		for _, tool := range mcp.Elements(mcp.Member(result, "tools")) {
			name, _ := mcp.Unquote(mcp.Member(tool, "name"))
			if marks, err := mcp.ParamHeaders(bytes.Clone(tool)); err == nil && len(marks) > 0 {
				found[name] = marks
			}
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if first || k.byTool == nil {
		k.byTool = found
		return
	}
	for name, marks := range found {
		k.byTool[name] = marks
	}
}

func (k *marks) of(tool string) []mcp.ParamHeader {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.byTool[tool]
}
