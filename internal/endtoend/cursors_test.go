package endtoend_test

import (
	"fmt"
	"strings"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// lists are the four lists, with the member that holds the entries and the one that names one of them.
var lists = []struct{ method, member, key string }{
	{mcp.MethodToolsList, "tools", "name"},
	{mcp.MethodPromptsList, "prompts", "name"},
	{mcp.MethodResourcesList, "resources", "uri"},
	{mcp.MethodTemplatesList, "resourceTemplates", "uriTemplate"},
}

// listed are lists of n entries each, named after their backend.
func listed(backend string, n int) upstreamtest.Script {
	offers := make(map[string]string)
	for _, l := range lists {
		var items []string
		for i := range n {
			items = append(items, fmt.Sprintf(`{"%s":"test://%s/%d","name":"%s-%d","inputSchema":{"type":"object"}}`, l.key, backend, i, backend, i))
		}
		text := `{"` + l.member + `":[` + strings.Join(items, ",") + `]}`
		offers[l.method] = strings.ReplaceAll(text, `"name":"test://`+backend+`/`, `"x":"test://`+backend+`/`)
	}
	return upstreamtest.Script{Hush: true, Offers: offers}
}

// page returns the entries of one page as they came, and the raw cursor of the next; cursor is raw, empty for the first page.
func (c *client) page(method, member, cursor string) (items []string, next string) {
	c.t.Helper()
	if cursor != "" {
		cursor = `"cursor":` + cursor
	}
	m := c.ask(c.request(c.nextID(), method, cursor, ""))
	if m.Kind != mcp.Result {
		c.t.Fatalf("%s with %s: %s", method, cursor, m.Raw)
	}
	result := m.Bytes(m.Result)
	for _, item := range mcp.Elements(mcp.Member(result, member)) {
		items = append(items, string(item))
	}
	return items, string(mcp.Member(result, "nextCursor"))
}

// TestPagesOfTheMergedListsAreTheWholeList, in the same order each time, whatever the size of a page.
func TestPagesOfTheMergedListsAreTheWholeList(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 3, 4, 100} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			legacy, modern := listed("legacy", 5), listed("modern", 4)
			legacy.Eras, modern.Eras = legacyOnly, modernOnly
			whole := setup(overHTTP(t, "legacy", legacy), overHTTP(t, "modern", modern))
			paged := whole
			paged.PageSize = size
			r, all := start(t, paged), start(t, whole)
			r.ready()
			all.ready()
			for _, era := range bothEras {
				c, reference := r.connect(era, "/mcp"), all.connect(era, "/mcp")
				for _, l := range lists {
					want, end := reference.page(l.method, l.member, "")
					if len(want) != 9 || end != "" {
						t.Fatalf("%s: %d entries in all, then %s", l.method, len(want), end)
					}
					differ(t, l.method, strings.Join(want, "\n"), strings.Join(c.pages(l.method, l.member, size), "\n"))
				}
			}
		})
	}
}

// pages reads a list to its end; no page may be larger than size.
func (c *client) pages(method, member string, size int) (all []string) {
	c.t.Helper()
	for cursor := ""; ; {
		items, next := c.page(method, member, cursor)
		if len(items) > size || len(items) == 0 {
			c.t.Errorf("%s: a page of %d entries", method, len(items))
		}
		all = append(all, items...)
		if cursor = next; cursor == "" {
			return all
		}
	}
}

// TestForeignCursorsAreRefused on the merged endpoint: what is no cursor, the empty string, and one of another list or view.
func TestForeignCursorsAreRefused(t *testing.T) {
	t.Parallel()
	s := setup(overHTTP(t, "legacy", listed("legacy", 3)), overHTTP(t, "modern", listed("modern", 3)))
	s.PageSize = 2
	r := start(t, s)
	r.ready()
	for _, era := range bothEras {
		c := r.connect(era, "/mcp")
		_, ofTools := c.page(mcp.MethodToolsList, "tools", "")
		_, ofAView := r.connect(era, "/mcp?servers=legacy").page(mcp.MethodPromptsList, "prompts", "")
		for _, cursor := range []string{`""`, `"x"`, `7`, `null`, `{}`, ofTools, ofAView, ofTools[:len(ofTools)-2] + `"`} {
			if m := c.ask(c.request(`1`, mcp.MethodPromptsList, `"cursor":`+cursor, "")); m.ErrorCode() != mcp.CodeInvalidParams {
				t.Errorf("%s client, cursor %s: %s", era, cursor, m.Raw)
			}
		}
	}
}

// TestABackendsOwnCursorsPass on its own endpoint, in all ways: as they are, even empty.
func TestABackendsOwnCursorsPass(t *testing.T) {
	t.Parallel()
	for _, c := range append([]cell{shared}, cells...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			script := upstreamtest.Script{Offers: map[string]string{}}
			for _, l := range lists {
				script.Offers[l.method] = `{"` + l.member + `":[]}`
			}
			b, _ := way{cell: c}.backend(t, "b", script)
			r := start(t, setup(b), oddAnswers)
			r.ready()
			for _, era := range bothEras {
				w := &world{way: way{era, c, false}, rig: r}
				client := w.connect()
				for i, cursor := range []string{`""`, `"\u00e9\/ \"` + "\u2028" + `"`, `"` + strings.Repeat("x", 5000) + `"`} {
					for _, l := range lists {
						mark := fmt.Sprintf("%s-%s-%d.", era, l.method, i)
						say := fmt.Sprintf(`"upstreamtest/say":[%s],"mark":%q`, mcp.Quote(nil, `{"jsonrpc":"2.0","id":$ID,"result":{"`+l.member+`":[],"nextCursor":`+cursor+`}}`), mark)
						m := client.ask(client.request(`1`, l.method, `"cursor":`+cursor, say))
						differ(t, l.method+"'s next cursor", cursor, part(string(m.Bytes(m.Result)), "nextCursor"))
						differ(t, l.method+"'s cursor", cursor, part(part(w.heard(mark, 1), "params"), "cursor"))
					}
				}
			}
		})
	}
}
