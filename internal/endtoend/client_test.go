package endtoend_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// client speaks MCP at one endpoint of the front. It sends the bytes it is given.
type client struct {
	t       *testing.T
	era     mcp.Era
	url     string
	http    *http.Client
	session string
	ids     atomic.Int64

	capabilities string // raw, as declared
	info         string // raw, as declared
	affinity     string // of a modern client
	unlogged     bool   // a modern client: asks for no log messages by itself
	level        string // of a modern client, with each request
}

func (r *rig) client(era mcp.Era, path string) *client {
	c := &client{
		t: r.t, era: era, url: r.url + path,
		capabilities: `{}`, info: `{"name":"endtoend","version":"1"}`, level: "debug",
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}},
	}
	r.t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// connect returns a client of an era that is ready to call.
func (r *rig) connect(era mcp.Era, path string) *client {
	r.t.Helper()
	c := r.client(era, path)
	if era == mcp.Legacy {
		c.initialize()
	}
	return c
}

// initialize opens a legacy session and returns the result.
func (c *client) initialize() []byte {
	c.t.Helper()
	reply := c.post(c.t.Context(), fmt.Appendf(nil, `{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":%q,"capabilities":%s,"clientInfo":%s}}`,
		mcp.LatestLegacy, c.capabilities, c.info))
	c.session = reply.header.Get(mcp.HeaderSession)
	m := reply.final(c.t)
	if m.Kind != mcp.Result || c.session == "" {
		c.t.Fatalf("initialize was answered with %s", m.Raw)
	}
	c.notify(mcp.NoteInitialized, `{}`)
	return m.Bytes(m.Result)
}

// end ends a legacy session.
func (c *client) end() {
	c.t.Helper()
	resp := c.do(c.t.Context(), http.MethodDelete, nil)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		c.t.Fatalf("DELETE was answered with %s", resp.Status)
	}
}

func (c *client) notify(method, params string) {
	c.t.Helper()
	reply := c.post(c.t.Context(), mcp.AppendNotification(nil, method, []byte(params)))
	if reply.close(); reply.status != http.StatusAccepted {
		c.t.Fatalf("%s was answered with status %d", method, reply.status)
	}
}

// labels are the members of _meta that the era wants, with a comma behind.
func (c *client) labels() string {
	if c.era == mcp.Legacy {
		return ""
	}
	labels := fmt.Sprintf(`"%s":"%s","%s":%s,"%s":%s,`, mcp.MetaVersion, mcp.LatestModern,
		mcp.MetaCapabilities, c.capabilities, mcp.MetaClientInfo, c.info)
	if !c.unlogged {
		labels += `"` + mcp.MetaLogLevel + `":"` + c.level + `",`
	}
	return labels
}

func (c *client) nextID() string { return strconv.FormatInt(c.ids.Add(1), 10) }

// request writes a request; params and meta are raw members, or empty.
func (c *client) request(id, method, params, meta string) []byte {
	all := c.labels() + meta
	if params != "" {
		params += ","
	}
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"method":"%s","params":{%s"_meta":{%s}}}`, id, method, params, strings.TrimSuffix(all, ","))
}

// tool writes a tools/call.
func (c *client) tool(id, name, args, meta string) []byte {
	return c.request(id, mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":%s`, name, args), meta)
}

// call calls a tool that must succeed, and returns its structured content.
func (c *client) call(name, args string) string {
	c.t.Helper()
	m := c.ask(c.tool(c.nextID(), name, args, ""))
	if m.Kind != mcp.Result {
		c.t.Fatalf("%s: %s", name, m.Raw)
	}
	return string(upstreamtest.Structured(m))
}

// ask sends a request and returns its answer.
func (c *client) ask(body []byte) *mcp.Message {
	c.t.Helper()
	return c.post(c.t.Context(), body).final(c.t)
}

// received returns the first message that the backend has received and that holds text. prefix stands before its tools' names.
func (c *client) received(prefix, text string) string {
	c.t.Helper()
	var msg string
	if err := json.Unmarshal([]byte(c.call(prefix+"await", fmt.Sprintf(`{"text":%q}`, text))), &msg); err != nil {
		c.t.Fatal(err)
	}
	return msg
}

// whoami returns which process and which conversation serves the client.
func (c *client) whoami(tool string) (who struct {
	PID          int
	Conversation string
}) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(c.call(tool, `{}`)), &who); err != nil {
		c.t.Fatal(err)
	}
	return who
}

// list returns the names of the tools the client sees.
func (c *client) list() (names []string) {
	c.t.Helper()
	m := c.ask(c.request(c.nextID(), mcp.MethodToolsList, "", ""))
	for _, tool := range mcp.Elements(mcp.Member(m.Bytes(m.Result), "tools")) {
		name, _ := mcp.Unquote(mcp.Member(tool, "name"))
		names = append(names, name)
	}
	return names
}

func (c *client) post(ctx context.Context, body []byte) *reply {
	c.t.Helper()
	reply, err := c.tryPost(ctx, body)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply
}

func (c *client) tryPost(ctx context.Context, body []byte) (*reply, error) {
	resp, err := c.try(ctx, http.MethodPost, body)
	if err != nil {
		return nil, err
	}
	return newReply(resp), nil
}

func (c *client) do(ctx context.Context, method string, body []byte) *http.Response {
	c.t.Helper()
	resp, err := c.try(ctx, method, body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp
}

func (c *client) try(ctx context.Context, method string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Content-Type", "application/json")
	if c.era == mcp.Modern {
		label(r.Header, body)
	}
	if c.session != "" {
		r.Header.Set(mcp.HeaderSession, c.session)
		r.Header.Set(mcp.HeaderVersion, mcp.LatestLegacy)
	}
	if c.affinity != "" {
		r.Header.Set("X-1mcp-Affinity", c.affinity)
	}
	return c.http.Do(r)
}

// label sets the headers that repeat a modern body.
func label(h http.Header, body []byte) {
	var m struct {
		Method string
		Params struct{ Name, URI, TaskID string }
	}
	_ = json.Unmarshal(body, &m) // what is wrong is refused
	h.Set(mcp.HeaderVersion, mcp.LatestModern)
	h.Set(mcp.HeaderMethod, m.Method)
	switch m.Method {
	case mcp.MethodToolsCall, mcp.MethodPromptsGet:
		h.Set(mcp.HeaderName, m.Params.Name)
	case mcp.MethodResourcesRead:
		h.Set(mcp.HeaderName, m.Params.URI)
	case mcp.MethodTasksGet, mcp.MethodTasksUpdate, mcp.MethodTasksCancel:
		h.Set(mcp.HeaderName, m.Params.TaskID)
	}
}

// reply is what a POST or GET is answered with: messages, one after the other.
type reply struct {
	status int
	header http.Header
	body   io.ReadCloser
	events *bufio.Reader // nil: one JSON body
}

func newReply(resp *http.Response) *reply {
	r := &reply{status: resp.StatusCode, header: resp.Header, body: resp.Body}
	if resp.Header.Get("Content-Type") == "text/event-stream" {
		r.events = bufio.NewReader(resp.Body)
	}
	return r
}

func (r *reply) close() { _ = r.body.Close() }

// next returns the next message; io.EOF says that there are no more.
func (r *reply) next() ([]byte, error) {
	if r.events != nil {
		_, data, err := nextEvent(r.events)
		return data, err
	}
	text, err := io.ReadAll(r.body)
	if err == nil && len(text) == 0 {
		err = io.EOF
	}
	return text, err
}

// nextEvent reads an event.
func nextEvent(in *bufio.Reader) (name string, data []byte, err error) {
	var got [][]byte
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return "", nil, err
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		if value, ok := bytes.CutPrefix(line, []byte("event: ")); ok {
			name = string(value)
		}
		if value, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			got = append(got, value)
		}
		if len(line) == 0 {
			if data := bytes.Join(got, []byte("\n")); len(data) > 0 { // else only the place where a stream begins
				return name, data, nil
			}
			name, got = "", nil
		}
	}
}

// all reads the messages to the end of the reply.
func (r *reply) all() (msgs [][]byte, err error) {
	defer r.close()
	for {
		msg, err := r.next()
		if errors.Is(err, io.EOF) {
			return msgs, nil
		}
		if err != nil {
			return msgs, err
		}
		msgs = append(msgs, msg)
	}
}

// final returns the last message, which must be an answer.
func (r *reply) final(t *testing.T) *mcp.Message {
	t.Helper()
	msgs, err := r.all()
	if err != nil || len(msgs) == 0 {
		t.Fatalf("status %d, %d messages, %v", r.status, len(msgs), err)
	}
	m, err := mcp.Scan(msgs[len(msgs)-1])
	if err != nil || m.Kind != mcp.Result && m.Kind != mcp.Error {
		t.Fatalf("the last message is %.500q, %v", msgs[len(msgs)-1], err)
	}
	return &m
}

// listener is an open stream of what belongs to no request.
type listener struct {
	*reply
	t     *testing.T
	leave func() // closes it
}

// listen opens the stream on which the client is told of changes of lists.
func (c *client) listen() *listener {
	c.t.Helper()
	l := c.listenFor(c.nextID(), `"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true`)
	if c.era == mcp.Modern {
		l.told(mcp.NoteAcknowledged)
	}
	return l
}

// listenFor opens the stream on which the client is told of changes; id and filter, raw members, are for a modern one.
func (c *client) listenFor(id, filter string) *listener {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	l := &listener{t: c.t, leave: cancel}
	if c.era == mcp.Legacy {
		l.reply = newReply(c.do(ctx, http.MethodGet, nil))
	} else {
		l.reply = c.post(ctx, c.request(id, mcp.MethodListen, `"notifications":{`+filter+`}`, ""))
	}
	c.t.Cleanup(func() {
		cancel()
		l.close()
	})
	return l
}

// told waits for the next message, which must be of that method, and returns it.
func (l *listener) told(method string) *mcp.Message {
	l.t.Helper()
	msg, err := l.next()
	if err != nil {
		l.t.Fatalf("waiting for %s: %v", method, err)
	}
	m, err := mcp.Scan(msg)
	if err != nil || m.Method != method {
		l.t.Fatalf("got %s, wanted %s", msg, method)
	}
	return &m
}
