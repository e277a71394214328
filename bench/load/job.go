package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"onemcp/bench/backend"
	"onemcp/bench/scan"
)

// Job is one step of a closed loop: questions to which the answers must be right.
type Job func(c *Client) error

const (
	echoLength = 64
	sinkLength = 64 << 10
)

// EchoCall calls one of the tools after the other with a text of 64 bytes that no other call has.
func EchoCall(tools []string) Job {
	return func(c *Client) error { return c.echo(tools[int(c.id)%len(tools)]) }
}

// EchoTour calls echo at one endpoint after the other, as EchoCall calls one tool after the other.
func EchoTour(c *Client) error {
	c.turn(int(c.id) % len(c.endpoints))
	return c.echo(backend.Echo)
}

func (c *Client) echo(tool string) error {
	c.text = unique(c.text[:0], c.id, echoLength)
	return c.callTool(tool, c.text, c.text)
}

// BlobCall calls a tool that returns a large text.
func BlobCall(tool string) Job {
	want := bytes.Repeat([]byte("x"), backend.BlobSize)
	return func(c *Client) error {
		c.text = unique(c.text[:0], c.id, echoLength)
		return c.callTool(tool, c.text, want)
	}
}

// SinkCall calls a tool with a large argument.
func SinkCall(tool string) Job {
	want := []byte(strconv.Itoa(sinkLength))
	return func(c *Client) error {
		c.text = unique(c.text[:0], c.id, sinkLength)
		return c.callTool(tool, c.text, want)
	}
}

// unique appends a text that says which call it is of.
func unique(buf []byte, id int64, length int) []byte {
	const filler = "abcdefghijklmnopqrstuvwxyz-0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	end := len(buf) + length
	buf = append(strconv.AppendInt(append(buf, "call "...), id, 10), ' ')
	for len(buf) < end {
		buf = append(buf, filler[:min(len(filler), end-len(buf))]...)
	}
	return buf
}

// callTool calls a tool and holds the text of its result against what it must be.
func (c *Client) callTool(tool string, text, want []byte) error {
	c.begin("tools/call")
	c.comma()
	c.body = append(append(c.body, `"name":"`...), tool...)
	c.body = append(append(append(c.body, `","arguments":{"text":"`...), text...), `"}`...)
	result, err := c.finish("tools/call", tool)
	if err != nil {
		return err
	}
	if got := resultText(result); !bytes.Equal(got, want) {
		return fmt.Errorf("id %d: the text is %.100q of %d bytes, not %.100q", c.id, got, len(got), want)
	}
	return nil
}

// resultText is the text of a tool's first content.
func resultText(result []byte) (text []byte) {
	scan.Elements(scan.Member(result, "content"), func(block []byte) bool {
		text = scan.Text(scan.Member(block, "text"))
		return false
	})
	return text
}

// List lists the tools, which must be n and always the same.
func List(n int) Job {
	return func(c *Client) error {
		result, err := c.list("")
		if err != nil {
			return err
		}
		if got := bytes.Count(result, []byte(`"inputSchema"`)); got != n {
			return fmt.Errorf("%d tools are listed, not %d", got, n)
		}
		return nil
	}
}

// Session ends the client's session and opens another: DELETE, initialize, initialized.
func Session(c *Client) error {
	if err := c.End(); err != nil {
		return err
	}
	return c.Open()
}

// ListTools returns the result of tools/list, its first page, valid until the next request.
func (c *Client) ListTools() ([]byte, error) { return c.list("") }

func (c *Client) list(cursor string) ([]byte, error) {
	c.begin("tools/list")
	if cursor != "" {
		c.comma()
		c.body = append(append(append(c.body, `"cursor":"`...), cursor...), '"')
	}
	return c.finish("tools/list", "")
}

// Tools returns the names of all tools, from all pages.
func (c *Client) Tools() ([]string, error) {
	var names []string
	for cursor, pages := "", 0; ; pages++ {
		result, err := c.list(cursor)
		if err != nil {
			return nil, err
		}
		scan.Elements(scan.Member(result, "tools"), func(tool []byte) bool {
			names = append(names, string(scan.Text(scan.Member(tool, "name"))))
			return true
		})
		next := scan.Text(scan.Member(result, "nextCursor"))
		if next == nil {
			return names, nil
		}
		if cursor = string(next); pages > 10_000 {
			return nil, errors.New("the list of tools has no end")
		}
	}
}

// Named returns the names that are a backend's tool, with or without a gateway's prefix.
func Named(names []string, tool string) []string {
	var out []string
	for _, name := range names {
		if name == tool || strings.HasSuffix(name, tool) && !letter(name[len(name)-len(tool)-1]) {
			out = append(out, name)
		}
	}
	return out
}

func letter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }
