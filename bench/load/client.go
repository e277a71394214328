package load

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"onemcp/bench/backend"
	"onemcp/bench/http1"
	"onemcp/bench/scan"
)

// Client is an MCP client on one kept connection. It asks at one of its endpoints at a time.
type Client struct {
	address   string
	host      string
	era       backend.Era
	*endpoint // where it asks now
	endpoints []*endpoint

	conn   net.Conn
	reader *http1.Reader
	until  time.Time
	id     int64
	out    []byte
	body   []byte
	text   []byte
}

// endpoint is a path with a session of its own.
type endpoint struct {
	target  string
	session string
	head    []byte // what is the same in every request
}

// Dial connects to a server or a gateway at one or more endpoints, all on one host. The era is Legacy or
// Modern. Ids begin after first, so that clients with firsts far apart never use the same one.
func Dial(era backend.Era, first int64, endpoints ...string) (*Client, error) {
	c := &Client{era: era, id: first}
	for _, e := range endpoints {
		if err := c.add(e); err != nil {
			return nil, err
		}
	}
	c.turn(0)
	return c, c.connect()
}

// add adds an endpoint.
func (c *Client) add(at string) error {
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	if u.Scheme != "http" {
		return fmt.Errorf("%s: only http:// can be measured", at)
	}
	if c.host != "" && c.host != u.Host {
		return fmt.Errorf("%s: the client is connected to %s", at, c.host)
	}
	c.host, c.address = u.Host, u.Host
	if u.Port() == "" {
		c.address = net.JoinHostPort(u.Hostname(), "80")
	}
	c.endpoints = append(c.endpoints, &endpoint{target: u.RequestURI()})
	c.turn(len(c.endpoints) - 1)
	c.prepare()
	return nil
}

// turn turns to the nth endpoint, from 0 on, and after the last to the first again.
func (c *Client) turn(n int) { c.endpoint = c.endpoints[n%len(c.endpoints)] }

func (c *Client) connect() error {
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return err
	}
	c.conn, c.reader = conn, http1.NewReader(conn)
	return conn.SetDeadline(c.until)
}

// SessionID is the id of the session that is open, or empty.
func (c *Client) SessionID() string { return c.session }

// Resume makes the client go on with a session that another one has opened.
func (c *Client) Resume(session string) {
	c.session = session
	c.prepare()
}

// Leave forgets the session without a word to the server, as a client does that vanishes.
func (c *Client) Leave() { c.session = "" }

// Ping asks for a sign of life and returns the status of the answer.
func (c *Client) Ping() (status int, err error) {
	c.begin("ping")
	c.body = append(c.body, `}}`...)
	c.out = append(c.out[:0], c.head...)
	head, _, err := c.send()
	return head.Status, err
}

// Stream opens the session's stream with GET and leaves it open. The client can do nothing else
// from then on.
func (c *Client) Stream() error {
	c.out = append(append(c.out[:0], "GET"...), c.head[len("POST"):]...)
	c.out = append(c.out, "\r\n"...)
	if _, err := c.conn.Write(c.out); err != nil {
		return err
	}
	head, err := c.reader.Head()
	if err != nil {
		return err
	}
	if head.Status != 200 || !head.Events {
		return fmt.Errorf("GET: status %d, and no event stream", head.Status)
	}
	return nil
}

// Close ends the connection.
func (c *Client) Close() { c.conn.Close() }

// Deadline is when an answer that has not come counts as missing.
func (c *Client) Deadline(t time.Time) error {
	c.until = t
	return c.conn.SetDeadline(t)
}

// prepare writes the headers that every request has.
func (c *Client) prepare() {
	version := backend.LegacyVersion
	if c.era == backend.Modern {
		version = backend.ModernVersion
	}
	c.head = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n", c.target, c.host)
	if c.era == backend.Modern || c.session != "" {
		c.head = fmt.Appendf(c.head, "MCP-Protocol-Version: %s\r\n", version)
	}
	if c.session != "" {
		c.head = fmt.Appendf(c.head, "Mcp-Session-Id: %s\r\n", c.session)
	}
}

const metadata = `"_meta":{"io.modelcontextprotocol/protocolVersion":"` + backend.ModernVersion + `","io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`

// What opens a legacy session: the parameters of initialize, and what is said after its answer.
const (
	hello       = `"protocolVersion":"` + backend.LegacyVersion + `","capabilities":{},"clientInfo":{"name":"bench","version":"1"}`
	initialized = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
)

// Open begins a legacy session at each endpoint. In the modern era there is nothing to do.
func (c *Client) Open() error {
	if c.era == backend.Modern {
		return nil
	}
	return c.everywhere(c.open)
}

// everywhere does something at each endpoint, and turns to the first.
func (c *Client) everywhere(do func() error) error {
	defer c.turn(0)
	for n := range c.endpoints {
		c.turn(n)
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) open() error {
	c.session = ""
	c.prepare()
	c.begin("initialize")
	c.body = append(c.body, hello...)
	if _, err := c.finish("initialize", ""); err != nil {
		return err
	}
	c.prepare()
	c.body = append(c.body[:0], initialized...)
	return c.exchangeEmpty("POST")
}

// End ends the legacy sessions.
func (c *Client) End() error { return c.everywhere(c.end) }

func (c *Client) end() error {
	if c.session == "" {
		return nil
	}
	c.body = c.body[:0]
	err := c.exchangeEmpty("DELETE")
	c.session = ""
	return err
}

// begin starts a request's body, up to its parameters.
func (c *Client) begin(method string) {
	c.id++
	c.body = append(c.body[:0], `{"jsonrpc":"2.0","id":`...)
	c.body = strconv.AppendInt(c.body, c.id, 10)
	c.body = append(append(append(c.body, `,"method":"`...), method...), `","params":{`...)
	if c.era == backend.Modern {
		c.body = append(c.body, metadata...)
	}
}

// comma separates the first parameter from the metadata, where there is some.
func (c *Client) comma() {
	if c.era == backend.Modern {
		c.body = append(c.body, ',')
	}
}

// finish sends the request that was begun and returns the result of its answer, which is valid
// until the next request.
func (c *Client) finish(method, name string) ([]byte, error) {
	c.body = append(c.body, `}}`...)
	c.out = append(c.out[:0], c.head...)
	if c.era == backend.Modern {
		c.out = append(append(append(c.out, "Mcp-Method: "...), method...), "\r\n"...)
		if name != "" {
			c.out = append(append(append(c.out, "Mcp-Name: "...), name...), "\r\n"...)
		}
	}
	head, body, err := c.send()
	if err != nil {
		return nil, err
	}
	if head.Status != 200 {
		return nil, fmt.Errorf("status %d: %.200s", head.Status, body)
	}
	return c.result(head, body)
}

// send adds the length and the body to the headers, and reads the answer.
func (c *Client) send() (http1.Head, []byte, error) {
	c.out = append(c.out, "Content-Length: "...)
	c.out = strconv.AppendInt(c.out, int64(len(c.body)), 10)
	c.out = append(append(c.out, "\r\n\r\n"...), c.body...)
	if _, err := c.conn.Write(c.out); err != nil {
		return http1.Head{}, nil, err
	}
	head, err := c.reader.Head()
	if err != nil {
		return head, nil, fmt.Errorf("no answer: %w", err)
	}
	if head.Length < 0 && !head.Chunked && head.Status != 204 {
		return head, nil, errors.New("the answer has neither a length nor chunks")
	}
	if head.Session != nil && c.session == "" {
		c.session = string(head.Session)
	}
	ends := head.Close
	body, err := c.reader.Body(head)
	if err == nil && ends {
		c.conn.Close()
		err = c.connect()
	}
	if err == nil && head.Status == 0 {
		err = errors.New("the answer has no status")
	}
	return head, body, err
}

// exchangeEmpty sends what has no answer but a status.
func (c *Client) exchangeEmpty(method string) error {
	c.out = append(append(c.out[:0], method...), c.head[len("POST"):]...)
	head, body, err := c.send()
	if err != nil {
		return err
	}
	if head.Status/100 != 2 {
		return fmt.Errorf("%s: status %d: %.200s", method, head.Status, body)
	}
	return nil
}

// result returns the result of the answer to the last request.
func (c *Client) result(head http1.Head, body []byte) ([]byte, error) {
	message := body
	if head.Events {
		message = final(body)
	}
	return check(message, c.id)
}

// check returns the result of an answer that must be the one for an id.
func check(message []byte, id int64) ([]byte, error) {
	var digits [20]byte
	want := strconv.AppendInt(digits[:0], id, 10)
	if got := scan.Member(message, "id"); string(got) != string(want) {
		return nil, fmt.Errorf("the answer to id %s has id %q: %.200s", want, got, message)
	}
	result := scan.Member(message, "result")
	if result == nil {
		return nil, fmt.Errorf("id %s: %.300s", want, message)
	}
	return result, nil
}
