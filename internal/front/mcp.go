package front

import (
	"net/http"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/wire"
)

// place is where a request of an MCP client goes.
type place struct {
	scope    gateway.Scope
	endpoint string // canonical; a legacy session is bound to it
}

// serveMCP serves streamable HTTP, both eras.
func (f *Front) serveMCP(x *exchange, r *http.Request, to target) error {
	scope, endpoint, err := f.scope(to, r.URL.RawQuery)
	if err != nil {
		return err
	}
	at := place{scope: scope, endpoint: endpoint}
	if r.Method == http.MethodPost {
		return f.post(x, r, at)
	}
	if mcp.LooksModern(r.Header.Get(mcp.HeaderVersion)) {
		return notAllowed(to, "POST")
	}
	if r.Method == http.MethodDelete {
		return f.endSession(x, r, at)
	}
	return f.listen(x, r, at)
}

func (f *Front) post(x *exchange, r *http.Request, at place) error {
	if err := checkAccept(r.Header, typeJSON, typeStream); err != nil {
		return err
	}
	in, err := f.receive(x, r)
	if err != nil {
		return err
	}
	defer f.inbound.put(in)
	if wire.IsBatch(in.buf) {
		return f.postBatch(x, r, at, in.buf)
	}
	if err := in.scan(); err != nil {
		return err
	}
	if isModern(&in.msg, r.Header) {
		return f.postModern(x, r, at, &in.msg)
	}
	return f.postLegacy(x, r, at, &in.msg)
}

// isModern decides the era by what a message carries. The label in _meta makes it modern; without it an
// initialize or a session is legacy, whatever else the headers say.
func isModern(m *mcp.Message, h http.Header) bool {
	if m.Has(mcp.FieldMetaVersion) {
		return true
	}
	if m.Method == mcp.MethodInitialize || len(h[mcp.HeaderSession]) > 0 {
		return false
	}
	return mcp.LooksModern(h.Get(mcp.HeaderVersion))
}
