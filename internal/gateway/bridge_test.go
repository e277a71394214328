package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"onemcp/internal/example"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/session"
	"onemcp/internal/trace"
	"onemcp/internal/upstream/stdio"
)

// TestMain is the example server, too, when it was started as one.
func TestMain(m *testing.M) {
	if os.Getenv("GATEWAY_TEST_EXAMPLE") != "" {
		if err := example.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// start runs a gateway in front of one example server that is opened in an era only.
func start(t *testing.T, era mcp.Era) *gateway.Gateway {
	t.Helper()
	return startSeen(t, era, gateway.Auto, mcptest.Watch(t))
}

// startSeen is start with an isolation and somebody who sees what is said to the server.
func startSeen(t *testing.T, era mcp.Era, isolation gateway.Isolation, seen trace.Observer) *gateway.Gateway {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	sessions := session.NewTable(session.Limits{})
	g := gateway.New(gateway.Options{Version: "test", Log: log, Sessions: sessions}, gateway.Setup{Backends: []gateway.Spec{{
		Name: "ex", Identity: "1", Local: true, Era: era, Isolation: isolation,
		Driver:            stdio.Driver{Options: stdio.Options{Name: "ex", Command: exe, Env: append(os.Environ(), "GATEWAY_TEST_EXAMPLE=1"), Log: log, Trace: seen}},
		ConnectionTimeout: time.Minute, RequestTimeout: time.Minute,
	}}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.Run(ctx)
	}()
	tableDone := make(chan struct{})
	go func() {
		defer close(tableDone)
		_ = sessions.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-tableDone; <-done })
	return g
}

// stream is what a client reads beside its answers.
type stream chan []byte

func (s stream) Send(msg []byte) { s <- msg }

func request(t *testing.T, id, method, params string) *mcp.Message {
	t.Helper()
	m, err := mcp.Scan(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"method":%q,"params":%s}`, id, method, params))
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

const modernMeta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}`

func modernClient() *gateway.Client {
	return &gateway.Client{Principal: "anonymous", Era: mcp.Modern, Meta: mcp.ClientMeta{Version: mcp.LatestModern, Capabilities: []byte(`{"elicitation":{}}`)}}
}

// result returns an answer's result, decoded.
func result(t *testing.T, a gateway.Answer, err error) map[string]any {
	t.Helper()
	if err != nil || a.Code != 0 {
		t.Fatalf("answer %s, error %v", a.Body, err)
	}
	var body struct{ Result map[string]any }
	if err := json.Unmarshal(a.Body, &body); err != nil {
		t.Fatalf("%v in %s", err, a.Body)
	}
	return body.Result
}

func TestAModernClientAnswersALegacyServersQuestion(t *testing.T) {
	t.Parallel()
	g := start(t, mcp.Legacy)
	call := `{"name":"ex_1mcp_ask","arguments":{}` + `,` + modernMeta + `%s}`
	c := modernClient()
	serve := func(id, more string) (gateway.Answer, error) {
		return g.Serve(t.Context(), c, request(t, id, "tools/call", fmt.Sprintf(call, more)), make(stream, 10))
	}
	a, err := serve("1", "")
	asked := result(t, a, err)
	if asked["resultType"] != "input_required" {
		t.Fatalf("got %s", a.Body)
	}
	var key string
	for k, v := range asked["inputRequests"].(map[string]any) {
		key = k
		if v.(map[string]any)["method"] != "elicitation/create" {
			t.Errorf("question %v", v)
		}
	}
	state := asked["requestState"].(string)

	a, err = serve("2", `,"requestState":"`+state+`"`)
	again := result(t, a, err)
	if again["resultType"] != "input_required" || again["requestState"] == state {
		t.Fatalf("a retry without an answer gets %s", a.Body)
	}
	newState := again["requestState"].(string)
	if _, err = serve("3", `,"requestState":"`+state+`"`); err == nil || !strings.Contains(err.Error(), "used already") {
		t.Errorf("a state used twice: %v", err)
	}
	answers := `,"inputResponses":{"` + key + `":{"action":"accept","content":{"answer":"Ada"}}}`
	other := request(t, "4", "tools/call", `{"name":"ex_1mcp_ask","arguments":{"x":1},`+modernMeta+`,"requestState":"`+newState+`"`+answers+`}`)
	if _, err = g.Serve(t.Context(), c, other, nil); err == nil || !strings.Contains(err.Error(), "not valid for this request") {
		t.Errorf("a state of another request: %v", err)
	}
	a, err = serve("5", `,"requestState":"`+newState+`"`+answers)
	final := result(t, a, err)
	if final["resultType"] != "complete" || !strings.Contains(string(a.Body), "Ada") {
		t.Errorf("got %s", a.Body)
	}
	if _, err = serve("6", `,"requestState":"`+newState+`"`+answers); err == nil {
		t.Error("a call that has ended is resumed")
	}
}

func TestALegacyClientAnswersAServersQuestion(t *testing.T) {
	t.Parallel()
	for _, era := range []mcp.Era{mcp.Legacy, mcp.Modern} {
		t.Run(era.String(), func(t *testing.T) {
			t.Parallel()
			g := start(t, era)
			hello := request(t, "0", "initialize", `{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"c","version":"1"}}`)
			s, _, err := g.Initialize(t.Context(), gateway.Scope{}, "anonymous", "/mcp", hello)
			if err != nil {
				t.Fatal(err)
			}
			c := &gateway.Client{Principal: "anonymous", Era: mcp.Legacy, Session: s, Meta: mcp.ClientMeta{Version: s.Version, Capabilities: s.Capabilities, Info: s.ClientInfo}}
			st := make(stream, 10)
			type outcome struct {
				a   gateway.Answer
				err error
			}
			done := make(chan outcome, 1)
			go func() {
				a, err := g.Serve(t.Context(), c, request(t, `"x"`, "tools/call", `{"name":"ex_1mcp_ask","arguments":{}}`), st)
				done <- outcome{a, err}
			}()
			var question mcp.Message
			select {
			case raw := <-st:
				if question, err = mcp.Scan(raw); err != nil || question.Method != mcp.MethodElicit {
					t.Fatalf("got %s, %v", raw, err)
				}
			case o := <-done:
				t.Fatalf("no question came before %s, %v", o.a.Body, o.err)
			}
			answer, err := mcp.Scan(mcp.AppendResult(nil, question.IDBytes(), []byte(`{"action":"accept","content":{"answer":"Ada"}}`)))
			if err != nil {
				t.Fatal(err)
			}
			g.Answer(c, &answer)
			o := <-done
			result(t, o.a, o.err)
			if !strings.Contains(string(o.a.Body), "Ada") || !strings.Contains(string(o.a.Body), `"id":"x"`) {
				t.Errorf("got %s", o.a.Body)
			}
		})
	}
}

func TestAClientThatCannotAnswerIsNotAsked(t *testing.T) {
	t.Parallel()
	g := start(t, mcp.Legacy)
	c := modernClient()
	c.Meta.Capabilities = []byte(`{}`)
	a, err := g.Serve(t.Context(), c, request(t, "1", "tools/call", `{"name":"ex_1mcp_ask","arguments":{},`+modernMeta+`}`), nil)
	if err != nil || strings.Contains(string(a.Body), "input_required") || !strings.Contains(string(a.Body), "does not support elicitation") {
		t.Errorf("got %s, %v", a.Body, err)
	}
}

// TestAClientWhoseVersionHasNoQuestionsIsNotAsked, whatever it says that it can.
func TestAClientWhoseVersionHasNoQuestionsIsNotAsked(t *testing.T) {
	t.Parallel()
	g := start(t, mcp.Legacy)
	hello := request(t, "0", "initialize", `{"protocolVersion":"2025-03-26","capabilities":{"elicitation":{}},"clientInfo":{"name":"c","version":"1"}}`)
	s, _, err := g.Initialize(t.Context(), gateway.Scope{}, "anonymous", "/mcp", hello)
	if err != nil {
		t.Fatal(err)
	}
	c := &gateway.Client{Principal: "anonymous", Era: mcp.Legacy, Session: s, Meta: mcp.ClientMeta{Version: s.Version, Capabilities: s.Capabilities, Info: s.ClientInfo}}
	st := make(stream, 10)
	a, err := g.Serve(t.Context(), c, request(t, "1", "tools/call", `{"name":"ex_1mcp_ask","arguments":{}}`), st)
	if err != nil || len(st) > 0 || !strings.Contains(string(a.Body), "version 2025-03-26 has no elicitation") {
		t.Errorf("got %s and %d messages, %v", a.Body, len(st), err)
	}
}

func TestAModernClientThatGoesAwayEndsTheCall(t *testing.T) {
	t.Parallel()
	g := start(t, mcp.Legacy)
	ctx, cancel := context.WithCancel(t.Context())
	st := make(stream, 100)
	go func() { <-st; cancel() }()
	_, err := g.Serve(ctx, modernClient(), request(t, "1", "tools/call",
		`{"name":"ex_1mcp_count","arguments":{"steps":1000,"delay":10},"_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}`), st)
	if err == nil {
		t.Error("the call went on to its end")
	}
}

// TestEveryMessageIsHeldAgainstItsSchema shows whether the tests of this package do so.
func TestEveryMessageIsHeldAgainstItsSchema(t *testing.T) {
	t.Parallel()
	mcptest.Need(t)
}
