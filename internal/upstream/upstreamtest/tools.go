package upstreamtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"onemcp/internal/mcp"
)

// call is one tools/call.
type call struct {
	s    *Server
	m    *mcp.Message
	send func([]byte)
}

type tool func(c *call, ctx context.Context) []byte

// tools are the tools by name; each returns the final answer.
func tools() map[string]tool {
	return map[string]tool{
		"echo":     (*call).echo,     // the params, byte for byte, as structuredContent
		"progress": (*call).progress, // {"n":3}: that many progress notifications
		"log":      (*call).log,      // {"n":3}: that many log messages
		"hang":     (*call).hang,     // {"text":"x"}: until cancelled; then "cancelled: x" counts as received; no answer
		"late":     (*call).hang,     // like hang, but answers when cancelled
		"ask":      (*call).ask,      // {"method":"m","params":{}}: a request; answers with the answer as a string; see mutter
		"withdraw": (*call).withdraw, // sends a request and cancels it; answers then
		"announce": (*call).announce, // {"method":"m","params":{}}: a notification
		"await":    (*call).await,    // {"text":"x"}: answers with the first message received that holds x, as a string
		"count":    (*call).count,    // {"text":"x"}: how many of the messages received hold x
		"fail":     (*call).fail,     // {"error":{}}: that error, byte for byte
		"big":      (*call).big,      // {"bytes":5}: a text of that length
		"noise":    (*call).noise,    // {"text":"x"}: a line that is no message; for lines only
		"crash":    (*call).crash,    // the end of the process
		"whoami":   (*call).whoami,   // {"pid":1,"conversation":"x"}
		"parting":  (*call).parting,  // {"text":"x"}: a log message when it is cancelled
		"news":     (*call).news,     // {"method":"m","params":{}}: a notification to all clients of the server that asked for it
		"heard":    (*call).heard,    // {"text":"x","n":2}: like await, but over all conversations of the server, and the n-th
		"times":    (*call).times,    // {"text":"x"}: how many messages the server has received that hold x
		"followed": (*call).followed, // {"text":"u","n":1}: answers when that many subscriptions name the resource u
		"begin":    (*call).begin,    // {"text":"x","n":2,"params":{}}: like heard, but answers with the params
		"chatter":  (*call).chatter,  // {"n":3,"text":"x"}: progress and log messages, until cancelled
	}
}

func toolName(m *mcp.Message) string {
	name, _ := m.Text(mcp.FieldName)
	return name
}

func toolList() string {
	var out []string
	for name := range tools() {
		out = append(out, `{"name":"`+name+`","inputSchema":{"type":"object"}}`)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// args decodes the arguments the tools share.
func (c *call) args() (a struct {
	N, Bytes     int
	Text, Method string
	Params       json.RawMessage
	Error        json.RawMessage
}) {
	_ = json.Unmarshal(c.m.Value(mcp.FieldArguments), &a) // wrong ones are zero
	return a
}

// structured answers with a raw JSON value. What is no object stands in one, since the legacy era knows nothing else.
func (c *call) structured(raw string) []byte {
	if raw[0] != '{' {
		raw = `{"value":` + raw + `}`
	}
	return c.s.result(c.m, `{"content":[],"structuredContent":`+raw+`}`)
}

// Structured returns what a tool of the scripted server has answered with.
func Structured(m *mcp.Message) []byte {
	raw := mcp.Member(m.Bytes(m.Result), "structuredContent")
	if value := mcp.Member(raw, "value"); value != nil {
		return value
	}
	return raw
}

func (c *call) text(s []byte) []byte { return c.structured(string(mcp.Quote(nil, string(s)))) }

func (c *call) echo(context.Context) []byte { return c.structured(string(c.m.Bytes(c.m.Params))) }

func (c *call) progress(context.Context) []byte {
	for i := range c.args().N {
		c.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d}}`, c.m.Value(mcp.FieldMetaToken), i+1))
	}
	return c.structured("null")
}

func (c *call) log(context.Context) []byte {
	for i := range c.args().N {
		c.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"%s %d"}}`, c.args().Text, i+1))
	}
	return c.structured("null")
}

func (c *call) hang(ctx context.Context) []byte {
	<-ctx.Done()
	c.s.receive(&mcp.Message{Raw: []byte("cancelled: " + c.args().Text)}, nil)
	return c.structured(`"late"`)
}

func (c *call) ask(ctx context.Context) []byte {
	a := c.args()
	_, answer := c.s.ask(a.Method, a.Params, c.send)
	if a.N > 0 {
		c.mutter(ctx)
	}
	select {
	case body := <-answer:
		return c.text(body)
	case <-ctx.Done():
		return nil
	}
}

// mutter, for {"n":3,"text":"x"}, logs that many messages when the server has received one that holds "x!". Then "logged: x"
// counts as received.
func (c *call) mutter(ctx context.Context) {
	text := c.args().Text
	if _, err := c.s.crowd.await(ctx, text+"!", 1); err == nil {
		c.log(ctx)
		c.s.receive(&mcp.Message{Raw: []byte("logged: " + text)}, nil)
	}
}

func (c *call) withdraw(context.Context) []byte {
	id, _ := c.s.ask(mcp.MethodElicit, []byte(`{"message":"?","requestedSchema":{"type":"object","properties":{}}}`), c.send)
	c.send([]byte(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `}}`))
	return c.structured("null")
}

func (c *call) announce(context.Context) []byte {
	a := c.args()
	c.send(mcp.AppendNotification(nil, a.Method, a.Params))
	return c.structured("null")
}

func (c *call) await(ctx context.Context) []byte {
	msg, err := c.s.Await(ctx, c.args().Text)
	if err != nil {
		return nil
	}
	return c.text(msg)
}

func (c *call) count(context.Context) []byte {
	n := 0
	for _, msg := range c.s.Received() {
		if bytes.Contains(msg, []byte(c.args().Text)) {
			n++
		}
	}
	return c.structured(strconv.Itoa(n))
}

func (c *call) fail(context.Context) []byte {
	return []byte(`{"jsonrpc":"2.0","id":` + string(c.m.IDBytes()) + `,"error":` + string(c.args().Error) + `}`)
}

func (c *call) big(context.Context) []byte {
	return c.structured(`"` + strings.Repeat("x", c.args().Bytes) + `"`)
}

func (c *call) noise(context.Context) []byte {
	c.send([]byte(c.args().Text))
	return c.structured("null")
}

func (c *call) crash(context.Context) []byte {
	c.s.Crash()
	return nil
}
