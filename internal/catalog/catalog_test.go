package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"onemcp/internal/catalog"
	"onemcp/internal/mcp"
	"onemcp/internal/tagexpr"
)

// tools returns an offer of tools with these names.
func tools(names ...string) *catalog.Offer {
	o := &catalog.Offer{}
	for _, n := range names {
		o.Items[catalog.Tools] = append(o.Items[catalog.Tools], catalog.Item{Key: n, Raw: fmt.Appendf(nil, `{"title":1.0,"name":%q}`, n)})
	}
	return o
}

func resources(uris, templates []string) *catalog.Offer {
	o := &catalog.Offer{}
	for _, u := range uris {
		o.Items[catalog.Resources] = append(o.Items[catalog.Resources], catalog.Item{Key: u, Raw: fmt.Appendf(nil, `{"uri":%q}`, u)})
	}
	for _, u := range templates {
		o.Items[catalog.Templates] = append(o.Items[catalog.Templates], catalog.Item{Key: u, Raw: fmt.Appendf(nil, `{"uriTemplate":%q}`, u)})
	}
	return o
}

func view(t *testing.T, c *catalog.Catalog, s catalog.Selector) *catalog.View {
	t.Helper()
	v, err := c.View(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func listed(v *catalog.View) string {
	text, _ := v.List(catalog.Tools, mcp.NoEra, 0, 0)
	return string(text)
}

func TestUnknownNamesOfASelector(t *testing.T) {
	t.Parallel()
	members := []catalog.Member{{Name: "files", Tags: []string{"safe", "local"}}, {Name: "web", Tags: []string{"local"}}}
	for _, tt := range []struct {
		name           string
		selector       catalog.Selector
		unknown, known string
	}{
		{"servers", catalog.Selector{How: catalog.ByServer, Text: "files,web"}, "[]", "[files web]"},
		{"one that is not there", catalog.Selector{How: catalog.ByServer, Text: "files,safe"}, "[safe]", "[files web]"},
		{"tags", catalog.Selector{How: catalog.ByTags, Text: "local,files"}, "[files]", "[local safe]"},
		{"a filter", catalog.Selector{How: catalog.ByFilter, Text: "not nothere"}, "[]", "[]"},
		{"all", catalog.Selector{}, "[]", "[]"},
	} {
		unknown, known := catalog.Unknown(tt.selector, members)
		if fmt.Sprint(unknown) != tt.unknown || fmt.Sprint(known) != tt.known {
			t.Errorf("%s: %v of %v", tt.name, unknown, known)
		}
	}
}

func TestNaming(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		naming  catalog.Naming
		members []catalog.Member
		want    []string
	}{
		{"prefixed", catalog.Naming{}, []catalog.Member{{Name: "a", Offer: tools("x")}, {Name: "b", Offer: tools("x", "y")}},
			[]string{"a_1mcp_x", "b_1mcp_x", "b_1mcp_y"}},
		{"odd characters of a backend's name", catalog.Naming{}, []catalog.Member{{Name: "a.b c", Offer: tools("x.y")}},
			[]string{"a_b_c_1mcp_x.y"}},
		{"other separator", catalog.Naming{Separator: "__"}, []catalog.Member{{Name: "a", Offer: tools("x")}}, []string{"a__x"}},
		{"bare, the first keeps the name", catalog.Naming{Bare: true}, []catalog.Member{{Name: "a", Offer: tools("x")}, {Name: "b", Offer: tools("x", "y")}},
			[]string{"x", "b_1mcp_x", "y"}},
		{"too long", catalog.Naming{MaxLength: 20}, []catalog.Member{{Name: "backend", Offer: tools("a_rather_long_name", "x")}},
			[]string{"backend_1mc_855c1449", "backend_1mcp_x"}},
		{"a clash of cleaned names", catalog.Naming{}, []catalog.Member{{Name: "a.b", Offer: tools("x")}, {Name: "a_b", Offer: tools("x")}},
			[]string{"a_b_1mcp_x", "a_b_1mcp_x_bbd0c890"}},
		{"the same name twice in one backend", catalog.Naming{}, []catalog.Member{{Name: "a", Offer: tools("x", "x")}}, []string{"a_1mcp_x"}},
		{"nothing listed yet", catalog.Naming{}, []catalog.Member{{Name: "a"}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := view(t, catalog.Build(tt.naming, tt.members, nil), catalog.Selector{})
			if v.Len(catalog.Tools) != len(tt.want) {
				t.Errorf("%d tools, want %d: %s", v.Len(catalog.Tools), len(tt.want), listed(v))
			}
			for _, name := range tt.want {
				route, ok := v.Resolve(catalog.Tools, name)
				if !ok || !strings.Contains(listed(v), fmt.Sprintf(`{"title":1.0,"name":%q}`, name)) {
					t.Errorf("%q: route %+v, %v; list %s", name, route, ok, listed(v))
				}
			}
		})
	}
}

func members() []catalog.Member {
	return []catalog.Member{
		{Name: "files", Tags: []string{"local", "safe"}, Offer: tools("read")},
		{Name: "web", Tags: []string{"net"}, Offer: tools("get")},
		{Name: "db", Tags: []string{"net", "safe"}, Offer: tools("query")},
	}
}

func TestWhatIsNotShownCannotBeCalled(t *testing.T) {
	t.Parallel()
	expr, err := tagexpr.Parse("net and not safe")
	if err != nil {
		t.Fatal(err)
	}
	c := catalog.Build(catalog.Naming{}, members(), map[string]tagexpr.Expr{"risky": expr})
	tests := []struct {
		name string
		s    catalog.Selector
		want string
	}{
		{"all", catalog.Selector{}, "files web db"},
		{"any of the tags", catalog.Selector{How: catalog.ByTags, Text: "local, net"}, "files web db"},
		{"one tag", catalog.Selector{How: catalog.ByTags, Text: "safe"}, "files db"},
		{"filter", catalog.Selector{How: catalog.ByFilter, Text: "safe and !local"}, "db"},
		{"preset", catalog.Selector{How: catalog.ByPreset, Text: "risky"}, "web"},
		{"servers", catalog.Selector{How: catalog.ByServer, Text: "db,files"}, "files db"},
		{"a server that is not there beside one that is", catalog.Selector{How: catalog.ByServer, Text: "x,db"}, "db"},
	}
	calls := map[string]string{"files": "files_1mcp_read", "web": "web_1mcp_get", "db": "db_1mcp_query"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := view(t, c, tt.s)
			for backend, call := range calls {
				want := strings.Contains(tt.want, backend)
				_, can := v.Resolve(catalog.Tools, call)
				if shows := strings.Contains(listed(v), call); can != want || shows != want {
					t.Errorf("%s: listed %v, callable %v, want %v", call, shows, can, want)
				}
			}
		})
	}
	for _, s := range []catalog.Selector{{How: catalog.ByFilter, Text: "a and ("}, {How: catalog.ByPreset, Text: "none"}, {How: catalog.ByServer, Text: "x,y"}} {
		if _, err := c.View(s); err == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
}

func TestResourcesGoToTheFirstThatHasThem(t *testing.T) {
	t.Parallel()
	c := catalog.Build(catalog.Naming{}, []catalog.Member{
		{Name: "a", Offer: resources([]string{"x://1"}, []string{"x://a/{id}"})},
		{Name: "b", Offer: resources([]string{"x://1", "x://2"}, []string{"x://{+path}", "y://s{?q}"})},
	}, nil)
	all, onlyB := view(t, c, catalog.Selector{}), view(t, c, catalog.Selector{How: catalog.ByServer, Text: "b"})
	tests := []struct {
		uri    string
		v      *catalog.View
		member int
	}{
		{"x://1", all, 0}, {"x://1", onlyB, 1}, {"x://2", all, 1}, {"x://a/7", all, 0}, {"x://a/7/8", all, 1},
		{"x://a/7", onlyB, 1}, {"y://s?q=1", all, 1}, {"y://s", all, 1}, {"z://", all, -1},
	}
	for _, tt := range tests {
		if got, _ := tt.v.ResolveURI(tt.uri); got != tt.member {
			t.Errorf("%s goes to %d, want %d", tt.uri, got, tt.member)
		}
	}
	if text, _ := all.List(catalog.Resources, mcp.NoEra, 0, 0); string(text) != `"resources":[{"uri":"x://1"},{"uri":"x://2"}]` {
		t.Errorf("list %s", text)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	names := make([]string, 25)
	for i := range names {
		names[i] = fmt.Sprintf("t%02d", i)
	}
	v := view(t, catalog.Build(catalog.Naming{Bare: true}, []catalog.Member{{Name: "a", Offer: tools(names...)}}, nil), catalog.Selector{})
	cursors := catalog.NewCursors([]byte("key"))
	var seen int
	for offset, more := 0, true; more; {
		var text []byte
		text, more = v.List(catalog.Tools, mcp.NoEra, offset, 10)
		seen += strings.Count(string(text), `"name"`)
		cursor := cursors.Make(catalog.Tools, catalog.Selector{}, offset+10)
		next, ok := cursors.Read(catalog.Tools, catalog.Selector{}, cursor)
		if !ok || next != offset+10 {
			t.Fatalf("cursor for %d reads as %d, %v", offset+10, next, ok)
		}
		if _, ok := cursors.Read(catalog.Prompts, catalog.Selector{}, cursor); ok {
			t.Error("a cursor of one list is good for another")
		}
		offset = next
	}
	if seen != len(names) {
		t.Errorf("%d entries in all pages, want %d", seen, len(names))
	}
	for _, cursor := range []string{"", "x", "MTA"} {
		if _, ok := cursors.Read(catalog.Tools, catalog.Selector{}, cursor); ok {
			t.Errorf("cursor %q is accepted", cursor)
		}
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		policy catalog.Policy
		want   string
	}{
		{"none", catalog.Policy{}, "read write delete_all"},
		{"disabled by name and glob", catalog.Policy{Disabled: []string{"write", "delete_*"}}, "read"},
		{"enabled", catalog.Policy{Enabled: []string{"re*", "write"}}, "read write"},
		{"disabled wins", catalog.Policy{Enabled: []string{"*"}, Disabled: []string{"read"}}, "write delete_all"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, item := range tt.policy.Apply(tools("read", "write", "delete_all").Items[catalog.Tools]) {
				if !tt.policy.Admits(item.Key) {
					t.Errorf("%s is listed but not admitted", item.Key)
				}
				got = append(got, item.Key)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
}

func TestDescriptionsAreOverriddenAlone(t *testing.T) {
	t.Parallel()
	p := catalog.Policy{Descriptions: map[string]string{"a": `new "one"`, "b": "first"}}
	in := `{"nextCursor":"","tools":[{"name":"a","n":1.0,"description":"old"},{"name":"b"}],"x":1e2}`
	want := `{"nextCursor":"","tools":[{"name":"a","n":1.0,"description":"new \"one\""},{"name":"b","description":"first"}],"x":1e2}`
	if got := string(p.ApplyResult([]byte(in))); got != want {
		t.Errorf("got %s", got)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	items, cursor, dropped, err := catalog.Page(catalog.Tools, []byte(`{"tools":[{"name":"a"},{"noname":1},{"name":7}],"nextCursor":""}`))
	if err != nil || len(items) != 1 || dropped != 2 || string(cursor) != `""` {
		t.Errorf("items %v, cursor %s, dropped %d, %v", items, cursor, dropped, err)
	}
	if _, _, _, err := catalog.Page(catalog.Tools, []byte(`{"prompts":[]}`)); err == nil {
		t.Error("an answer without tools is accepted")
	}
}

func TestToolsWithWrongMarksAreBarred(t *testing.T) {
	t.Parallel()
	const (
		right = `{"name":"a","inputSchema":{"properties":{"r":{"type":"string","x-mcp-header":"Region"}}},"n":1.0}`
		wrong = `{"name":"b","inputSchema":{"properties":{"r":{"type":"string","x-mcp-header":"a b"}}}}`
	)
	for in, want := range map[string]string{
		`{"tools":[` + wrong + `,` + right + `],"x":1e2}`: `{"tools":[` + right + `],"x":1e2}`,
		`{"tools":[` + wrong + `]}`:                       `{"tools":[]}`,
		`{"tools":[ ` + right + ` ]}`:                     `{"tools":[ ` + right + ` ]}`,
		`{"tools":[ {"name":"c"} ]}`:                      `{"tools":[ {"name":"c"} ]}`,
		`{"prompts":["x-mcp-header"]}`:                    `{"prompts":["x-mcp-header"]}`,
	} {
		if got := string(catalog.BarResult([]byte(in))); got != want {
			t.Errorf("%s became %s", in, got)
		}
	}
	items, _, _, err := catalog.Page(catalog.Tools, []byte(`{"tools":[`+wrong+`,`+right+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	var offer catalog.Offer
	offer.Items[catalog.Tools] = items
	if barred := offer.Bar(); len(barred) != 1 || barred[0].Wrong == nil || !offer.Barred["b"] || offer.Barred["a"] || len(offer.Items[catalog.Tools]) != 1 {
		t.Errorf("barred %v, left %v", barred, offer.Items[catalog.Tools])
	}
}

func TestClaimant(t *testing.T) {
	t.Parallel()
	c := catalog.Build(catalog.Naming{}, []catalog.Member{{Name: "a"}, {Name: "a_1mcp_b"}}, nil)
	for name, want := range map[string]int{"a_1mcp_x": 0, "a_1mcp_b_1mcp_x": 1, "b_1mcp_x": -1} {
		if got, _ := view(t, c, catalog.Selector{}).Claimant(name); got != want {
			t.Errorf("%s belongs to %d, want %d", name, got, want)
		}
	}
}

func TestCachingIsTheNarrowest(t *testing.T) {
	t.Parallel()
	a, b := tools("x"), tools("y")
	a.TTL, a.Public, b.TTL, b.Public = 500, true, 300, false
	v := view(t, catalog.Build(catalog.Naming{}, []catalog.Member{{Name: "a", Offer: a}, {Name: "b", Offer: b}}, nil), catalog.Selector{})
	if ttl, public := v.Caching(); ttl != 300 || public {
		t.Errorf("ttl %d, public %v", ttl, public)
	}
}

func FuzzPage(f *testing.F) {
	f.Add([]byte(`{"tools":[{"name":"a"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, k := range catalog.Kinds() {
			items, _, _, err := catalog.Page(k, data)
			if err == nil && len(items) > len(data) {
				t.Fatal("more items than bytes")
			}
		}
	})
}
