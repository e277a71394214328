package endtoend_test

import (
	"fmt"
	"strings"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
)

// TestWhatAClientSaysOfItselfIsBounded, since the session keeps it.
func TestWhatAClientSaysOfItselfIsBounded(t *testing.T) {
	t.Parallel()
	r := start(t, setup())
	c := r.client(mcp.Legacy, "/mcp")
	text := strings.Repeat("x", 64<<10)
	small := `{"x":"` + text[:len(text)-8] + `"}`
	for _, tt := range []struct{ capabilities, info, want string }{
		{small, small, ""},
		{`{"x":"` + text + `"}`, `{}`, "params.capabilities has 65544 bytes, over the limit of 65536"},
		{`{}`, `{"x":"` + text + `"}`, "params.clientInfo has 65544 bytes, over the limit of 65536"},
	} {
		m := c.ask(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":%q,"capabilities":%s,"clientInfo":%s}}`,
			mcp.LatestLegacy, tt.capabilities, tt.info))
		if m.ErrorMessage() != tt.want || tt.want != "" && m.ErrorCode() != mcp.CodeInvalidParams {
			t.Errorf("wanted %q, got %.300s", tt.want, m.Raw)
		}
	}
	if n := r.sessions.Len(); n != 1 {
		t.Errorf("there are %d sessions", n)
	}
}

// TestSubscriptionsAreBounded whoever's connection they lie on; one that is given up makes room.
func TestSubscriptionsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 1000
	uri := func(i int) string { return fmt.Sprintf(`"uri":"test://b/%d"`, i) }
	for name, isolation := range map[string]gateway.Isolation{"shared": gateway.Shared, "own": gateway.PerSession} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := overHTTP(t, "b", mortalScript(mcp.Legacy))
			b.Isolation = isolation
			c := start(t, setup(b)).connect(mcp.Legacy, "/mcp/servers/b")
			refused := func(method, params string) string {
				return c.ask(c.request(c.nextID(), method, params, "")).ErrorMessage()
			}
			for i := range most {
				if why := refused(mcp.MethodSubscribe, uri(i)); why != "" {
					t.Fatal(why)
				}
			}
			for range 2 {
				if why := refused(mcp.MethodSubscribe, uri(most)); why != "a client may subscribe to 1000 resources and tasks at a time (unsubscribe from some first)" {
					t.Errorf("one too many: %q", why)
				}
			}
			if why := refused(mcp.MethodSubscribe, uri(1)); why != "" {
				t.Errorf("one that is there: %q", why)
			}
			refused(mcp.MethodUnsubscribe, uri(0)) // the backend may say what it likes
			if why := refused(mcp.MethodSubscribe, `"uri":"`+strings.Repeat("x", 2049)+`"`); !strings.Contains(why, "a uri of 2049 bytes is too long") {
				t.Errorf("a long uri: %q", why)
			}
			if why := refused(mcp.MethodSubscribe, uri(most)); why != "" {
				t.Errorf("after one was given up: %q", why)
			}
		})
	}
	t.Run("modern", func(t *testing.T) {
		t.Parallel()
		c := start(t, setup(overHTTP(t, "b", mortalScript(mcp.Legacy)))).connect(mcp.Modern, "/mcp/servers/b")
		var uris []string
		for i := range most + 1 {
			uris = append(uris, fmt.Sprintf(`"test://b/%d"`, i))
		}
		m := c.ask(c.request(`1`, mcp.MethodListen, `"notifications":{"resourceSubscriptions":[`+strings.Join(uris, ",")+`]}`, ""))
		if m.ErrorCode() != mcp.CodeInvalidParams || !strings.Contains(m.ErrorMessage(), "1000 resources") {
			t.Errorf("got %s", m.Raw)
		}
	})
}
