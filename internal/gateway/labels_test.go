package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// markedTool is a list entry whose argument region travels in a header too.
func markedTool(header string) string {
	return fmt.Sprintf(`{"name":"t","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":%q}}}}`, header)
}

// TestArgumentsTravelInHeaders of a legacy client's call to a modern backend too. When the backend does not find them right, the
// tools are listed anew, once.
func TestArgumentsTravelInHeaders(t *testing.T) {
	t.Parallel()
	const wrong = `"error":{"code":-32020,"message":"wrong headers"}`
	for _, tt := range []struct {
		name   string
		wanted string // by the backend; it has listed Region
		lists  string // from then on
		sent   []string
		ends   string
	}{
		{"as listed", "Mcp-Param-Region", "Region", []string{"Mcp-Param-Region=eu"}, `"result":{}`},
		{"listed anew", "Mcp-Param-Zone", "Zone", []string{"Mcp-Param-Region=eu", "Mcp-Param-Zone=eu"}, `"result":{}`},
		{"listed wrongly", "Mcp-Param-Zone", "Region", []string{"Mcp-Param-Region=eu", "Mcp-Param-Region=eu"}, wrong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var lists atomic.Value
				lists.Store("Region")
				var sent []string
				d := acted{era: mcp.Modern, list: func() string { return markedTool(lists.Load().(string)) }}
				d.tool = func(_ context.Context, r *upstream.Request, _ upstream.Sink) (string, error) {
					if r.Name != "t" || len(r.Params) != 1 {
						t.Errorf("name %q, headers %q", r.Name, r.Params)
						return wrong, nil
					}
					sent = append(sent, strings.Join(r.Params[0][:], "="))
					if r.Params[0][0] != tt.wanted {
						return wrong, nil
					}
					return `"result":{}`, nil
				}
				g, _ := d.act(t)
				synctest.Wait()
				lists.Store(tt.lists)
				p := g.person(t, `{}`)
				a, err := g.Serve(t.Context(), p.c, scan(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"region":"eu"}}}`), p)
				if err != nil || !strings.Contains(string(a.Body), tt.ends) {
					t.Errorf("got %s, %v", a.Body, err)
				}
				if !slices.Equal(sent, tt.sent) {
					t.Errorf("sent %q, wanted %q", sent, tt.sent)
				}
			})
		})
	}
}

// TestHeadersOfArgumentsAreChecked before a modern client's call goes on; what no mark speaks of passes.
func TestHeadersOfArgumentsAreChecked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got [][2]string
		d := acted{era: mcp.Modern, list: func() string { return markedTool("Region") }}
		d.tool = func(_ context.Context, r *upstream.Request, _ upstream.Sink) (string, error) {
			got = r.Params
			return `"result":{"resultType":"complete"}`, nil
		}
		g, _ := d.act(t)
		synctest.Wait()
		for _, tt := range []struct {
			name   string
			params [][2]string
			ok     bool
		}{
			{"right", [][2]string{{"Mcp-Param-Region", "eu"}}, true},
			{"encoded", [][2]string{{"Mcp-Param-Region", "=?base64?ZXU=?="}}, true},
			{"with one that nobody knows", [][2]string{{"Mcp-Param-Region", "eu"}, {"Mcp-Param-Else", "x"}}, true},
			{"wrong", [][2]string{{"Mcp-Param-Region", "us"}}, false},
			{"missing", nil, false},
		} {
			got = nil
			c := &Client{Scope: Scope{Backend: "b"}, Principal: Anonymous, Era: mcp.Modern, Meta: mcp.ClientMeta{Version: mcp.LatestModern}, Params: tt.params}
			a, err := g.Serve(t.Context(), c, scan(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"region":"eu"}}}`), nil)
			switch {
			case err != nil:
				t.Errorf("%s: %v", tt.name, err)
			case tt.ok && !slices.Equal(got, tt.params):
				t.Errorf("%s: the backend gets %q", tt.name, got)
			case !tt.ok && (a.Code != mcp.CodeHeaderMismatch || got != nil):
				t.Errorf("%s: got %s", tt.name, a.Body)
			}
		}
	})
}
