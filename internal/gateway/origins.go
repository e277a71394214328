package gateway

import (
	"bytes"
	"weak"

	lru "github.com/hashicorp/golang-lru/v2"

	"onemcp/internal/mcp"
)

// maxOrigins bounds how many shown resources are remembered, over all callers.
const maxOrigins = 16384

// origins remembers which backend showed a resource to whom, so that a link in a result can be
// followed although no list holds it.
type origins struct{ shown *lru.Cache[origin, string] }

type origin struct {
	viewer any
	uri    string
}

func newOrigins() *origins {
	cache, _ := lru.New[origin, string](maxOrigins) // fails for a size below one only
	return &origins{cache}
}

// viewer is who remembers: a session, which is not kept from being forgotten, or all modern callers of one principal
// and scope.
func (c *Client) viewer() any {
	if c.Session != nil {
		return weak.Make(c.Session)
	}
	return struct {
		principal string
		scope     Scope
	}{c.Principal, c.Scope}
}

// note remembers the resources that the content of a result shows.
func (o *origins) note(c *Client, backend string, reply *mcp.Message) {
	if !bytes.Contains(reply.Raw, []byte(`"resource`)) {
		return
	}
	result := reply.Bytes(reply.Result)
	for _, item := range mcp.Elements(mcp.Member(result, "content")) {
		raw := mcp.Member(item, "uri")
		if raw == nil {
			raw = mcp.Member(mcp.Member(item, "resource"), "uri")
		}
		if uri, ok := mcp.Unquote(raw); ok {
			o.add(c, backend, uri)
		}
	}
}

func (o *origins) add(c *Client, backend, uri string) {
	o.shown.Add(origin{c.viewer(), uri}, backend)
}

func (o *origins) of(c *Client, uri string) (backend string, ok bool) {
	return o.shown.Get(origin{c.viewer(), uri})
}
