package upstreamtest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"onemcp/internal/mcp"
)

// SayKey is the member of a request's _meta by which a test dictates what the server sends: an array of texts, which go
// out as they are but for $ID and $TOKEN, in whose places come the request's raw id and progress token. The last text is
// the answer.
const SayKey = "upstreamtest/say"

// say sends what a request dictates and returns the last of it; ok is false if it dictates nothing.
func say(m *mcp.Message, send func([]byte)) (answer []byte, ok bool) {
	var texts []string
	raw := mcp.Member(m.Value(mcp.FieldMeta), SayKey)
	if raw == nil || json.Unmarshal(raw, &texts) != nil || len(texts) == 0 {
		return nil, false
	}
	fill := strings.NewReplacer("$ID", string(m.IDBytes()), "$TOKEN", string(m.Value(mcp.FieldMetaToken)))
	last := len(texts) - 1
	for _, text := range texts[:last] {
		send([]byte(fill.Replace(text)))
	}
	return []byte(fill.Replace(texts[last])), true
}

// whoami answers with the process and the conversation, neither of which another one shares.
func (c *call) whoami(context.Context) []byte {
	return c.structured(fmt.Sprintf(`{"pid":%d,"conversation":%q}`, os.Getpid(), c.s.nonce))
}

// chatter reports progress and logs its text n times, a millisecond apart, and answers with the text. When it is
// cancelled it stops, and "cancelled: " and the text count as received.
func (c *call) chatter(ctx context.Context) []byte {
	a := c.args()
	text := mcp.Quote(nil, a.Text)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range a.N {
		if token := c.m.Value(mcp.FieldMetaToken); token != nil {
			c.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d,"message":%s}}`, token, i+1, text))
		}
		c.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":%s}}`, text))
		select {
		case <-tick.C:
		case <-ctx.Done():
			c.s.receive(&mcp.Message{Raw: []byte("cancelled: " + a.Text)}, nil)
			return nil
		}
	}
	return c.structured(string(text))
}

// parting waits to be cancelled; then it logs its text, "cancelled: " and the text count as received, and nothing is answered.
func (c *call) parting(ctx context.Context) []byte {
	<-ctx.Done()
	a := c.args()
	c.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":%s}}`, mcp.Quote(nil, a.Text)))
	c.s.receive(&mcp.Message{Raw: []byte("cancelled: " + a.Text)}, nil)
	return nil
}

// hello returns the members by which the server introduces itself.
func (s *Server) hello() string {
	if s.Hello != "" {
		return s.Hello
	}
	return `"capabilities":` + s.declared() + `,"instructions":"scripted"`
}

// declared returns the capabilities: what the scripted offers need besides the constant ones.
func (s *Server) declared() string {
	more := ""
	if s.Offers[mcp.MethodPromptsList] != "" {
		more += `"prompts":{},"completions":{},`
	}
	if s.Offers[mcp.MethodResourcesList] != "" || s.Offers[mcp.MethodTemplatesList] != "" {
		more += `"resources":{"subscribe":true,"listChanged":true},`
	}
	return "{" + more + capabilities[1:]
}
