package example

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const maxSteps = 10_000

// content is one block of a result; this server speaks text only.
type content struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type toolResult struct {
	Content []content `json:"content"`
	IsError bool      `json:"isError,omitzero"`
}

func says(format string, args ...any) result {
	return result{body: toolResult{Content: []content{{"text", fmt.Sprintf(format, args...)}}}}
}

// failed is a result that tells the model what went wrong.
func failed(sentence string) result {
	return result{body: toolResult{Content: []content{{"text", sentence}}, IsError: true}}
}

// toolCall is the params of tools/call.
type toolCall struct {
	Name      string                    `json:"name"`
	Arguments jsontext.Value            `json:"arguments"`
	Responses map[string]jsontext.Value `json:"inputResponses"`
	State     *string                   `json:"requestState"`
}

// read decodes the arguments over the defaults that are in args.
func (t *toolCall) read(args any) bool {
	return t.Arguments == nil || json.Unmarshal(t.Arguments, args) == nil
}

func (s *server) callTool(ctx context.Context, c *call) (result, error) {
	var t toolCall
	if err := json.Unmarshal(c.params, &t); err != nil {
		return result{}, invalidParams("tools/call needs a name and arguments that are an object")
	}
	switch t.Name {
	case "echo":
		return s.echo(c, t)
	case "count":
		return s.count(ctx, c, t)
	case "ask":
		return s.ask(ctx, c, t)
	case "fail":
		return fail(t)
	}
	return result{}, invalidParams("unknown tool: " + t.Name)
}

func (s *server) echo(c *call, t toolCall) (result, error) {
	var args struct {
		Text *string `json:"text"`
	}
	if !t.read(&args) || args.Text == nil {
		return failed("echo needs a text."), nil
	}
	s.log(c, "info", fmt.Sprintf("echoed %d bytes", len(*args.Text)))
	return says("%s", *args.Text), nil
}

// log sends a log message if the caller wants its level.
func (s *server) log(c *call, level, text string) {
	if c.level == "" || severity(level) < severity(c.level) {
		return
	}
	s.out.notify("notifications/message", struct {
		Level  string `json:"level"`
		Logger string `json:"logger"`
		Data   string `json:"data"`
	}{level, "example", text})
}

func (s *server) count(ctx context.Context, c *call, t toolCall) (result, error) {
	args := struct {
		Steps int   `json:"steps"`
		Delay int64 `json:"delay"`
	}{Steps: 3, Delay: 10}
	if !t.read(&args) || args.Steps < 1 || args.Steps > maxSteps || args.Delay < 0 || args.Delay > 600_000 {
		return failed("count needs steps from 1 to 10000 and a delay from 0 to 600000 milliseconds."), nil
	}
	for i := 1; i <= args.Steps; i++ {
		if err := s.pause(ctx, time.Duration(args.Delay)*time.Millisecond); err != nil {
			return result{}, err
		}
		s.progress(c, i, args.Steps)
	}
	return says("Counted to %d.", args.Steps), nil
}

// pause waits for d, or less once no more input comes.
func (s *server) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closing:
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (s *server) progress(c *call, done, total int) {
	if c.token == nil {
		return
	}
	s.out.notify("notifications/progress", struct {
		Token    jsontext.Value `json:"progressToken"`
		Progress int            `json:"progress"`
		Total    int            `json:"total"`
		Message  string         `json:"message"`
	}{c.token, done, total, "step " + strconv.Itoa(done)})
}

func fail(t toolCall) (result, error) {
	args := struct {
		Message string `json:"message"`
	}{"This tool always fails."}
	t.read(&args)
	return failed(args.Message), nil
}

// stateFor is the request state of a question. It keeps nothing secret and
// grants nothing; it only shows that the retry belongs to the question.
func stateFor(question string) string {
	sum := sha256.Sum256([]byte(question))
	return "ask." + base64.RawURLEncoding.EncodeToString(sum[:12])
}
