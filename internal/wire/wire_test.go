package wire_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/wire"
)

func TestEveryKindHasAForm(t *testing.T) {
	t.Parallel()
	for kind := fault.Internal; kind <= fault.Canceled; kind++ {
		form := wire.Of(fault.New(kind, "x"))
		if form.Status < 400 || form.Refusal >= 0 || form.Answer >= 0 {
			t.Errorf("%s: %+v", kind, form)
		}
		if form.Answer <= mcp.CodeHeaderMismatch && form.Answer >= -32099 {
			t.Errorf("%s takes a code of the specification: %d", kind, form.Answer)
		}
	}
	if form := wire.Of(fault.New(200, "of a kind nobody knows")); form.Status < 400 {
		t.Errorf("an unknown kind has %+v", form)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		era    mcp.Era
		method string
		err    error
		want   string
	}{
		{"a fault", mcp.Legacy, "tools/call", fault.New(fault.NotFound, "Unknown tool: x"), `{"code":-32602,"message":"Unknown tool: x"}`},
		{"a resource towards a legacy client", mcp.Legacy, "resources/read", fault.New(fault.NotFound, "no"), `{"code":-32002,"message":"no"}`},
		{"a resource towards a modern client", mcp.Modern, "resources/read", fault.New(fault.NotFound, "no"), `{"code":-32602,"message":"no"}`},
		{"a wrapped fault", mcp.Modern, "x", fmt.Errorf("while: %w", fault.New(fault.Unsupported, "no")), `{"code":-32601,"message":"no"}`},
		{"a backend that does not let us in", mcp.Modern, "tools/call", fault.New(fault.Unauthorized, "no"), `{"code":-32603,"message":"no"}`},
		{"a backend's answer over the limit", mcp.Legacy, "tools/call", fault.New(fault.TooLarge, "no"), `{"code":-32603,"message":"no"}`},
		{"a backend's answer that is no message", mcp.Modern, "tools/call", fault.New(fault.Malformed, "no"), `{"code":-32603,"message":"no"}`},
		{"a context that ran out", mcp.Modern, "x", context.DeadlineExceeded, `{"code":-32603,"message":"the request took too long"}`},
		{"a context that was ended", mcp.Modern, "x", context.Canceled, `{"code":-32603,"message":"the request was given up"}`},
		{"what nobody classified", mcp.Modern, "x", errors.New("password=1"), `{"code":-32603,"message":"internal error"}`},
		{
			"a refusal with a code and data", mcp.Modern, "x",
			&wire.Refused{Code: -32022, Data: []byte(`[1]`), Err: fault.New(fault.Unsupported, "no")},
			`{"code":-32022,"message":"no","data":[1]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := mcp.Scan(mcp.AppendRequest(nil, 7, c.method, nil))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := string(wire.Answer(c.era, &m, c.err)), `{"jsonrpc":"2.0","id":7,"error":`+c.want+`}`; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestWhatAModernRequestMustSay(t *testing.T) {
	t.Parallel()
	const version, caps = `"io.modelcontextprotocol/protocolVersion":`, `"io.modelcontextprotocol/clientCapabilities":`
	for _, c := range []struct {
		name, id, meta string
		code           int // 0: none of its own
		ok             bool
	}{
		{"all", `1`, version + `"2026-07-28",` + caps + `{}`, 0, true},
		{"a text as id", `"1.5"`, version + `"2026-07-28",` + caps + `{}`, 0, true},
		{"a fraction as id", `1.5`, version + `"2026-07-28",` + caps + `{}`, 0, false},
		{"no version", `1`, caps + `{}`, mcp.CodeInvalidParams, false},
		{"a version that is no text", `1`, version + `7,` + caps + `{}`, mcp.CodeInvalidParams, false},
		{"an unknown version", `1`, version + `"2031-01-01",` + caps + `{}`, mcp.CodeUnsupportedVersion, false},
		{"a version with sessions", `1`, version + `"2025-11-25",` + caps + `{}`, mcp.CodeUnsupportedVersion, false},
		{"no capabilities", `1`, version + `"2026-07-28"`, mcp.CodeInvalidParams, false},
		{"capabilities that are no object", `1`, version + `"2026-07-28",` + caps + `[]`, mcp.CodeInvalidParams, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := mcp.Scan(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"method":"x","params":{"_meta":{%s}}}`, c.id, c.meta))
			if err != nil {
				t.Fatal(err)
			}
			err = wire.CheckModern(&m)
			code := 0
			if r, ok := errors.AsType[*wire.Refused](err); ok {
				code = r.Code
			}
			if (err == nil) != c.ok || code != c.code {
				t.Errorf("got %v with code %d", err, code)
			}
		})
	}
}
