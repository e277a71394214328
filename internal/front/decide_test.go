package front

import (
	"net/url"
	"strings"
	"testing"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/publicurl"
)

func TestAccepts(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"text/event-stream":                   true,
		"application/json, text/event-stream": true,
		"*/*":                                 true,
		"text/*;q=0.1":                        true,
		"TEXT/Event-Stream ; charset=utf-8":   true,
		"":                                    false,
		"text":                                false,
		"application/json":                    false,
		"application/*":                       false,
		"text/event-stream;q=0":               false,
		"text/event-stream; Q=0.000":          false,
		"text/event-streams":                  false,
		"tex/*":                               false,
	} {
		if got := accepts([]string{"x/y", value}, typeStream); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

func TestCanonicalSelections(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]catalog.Selector{
		"":                         {},
		"session=1":                {},
		"tags=b,%20a,,b":           {How: catalog.ByTags, Text: "a,b"},
		"servers=b&x=y":            {How: catalog.ByServer, Text: "b"},
		"filter=a+(+not++b+)":      {How: catalog.ByFilter, Text: "a ( not b )"},
		"tag-filter=a%2Bb":         {How: catalog.ByFilter, Text: "a+b"},
		"preset=%20front%20end%20": {How: catalog.ByPreset, Text: "front end"},
	} {
		if got, err := parseSelector(query); err != nil || got != want {
			t.Errorf("%s: %+v, %v", query, got, err)
		}
	}
}

// A selection that is read is canonical: written again, it is read as itself, and names the same endpoint.
func FuzzSelector(f *testing.F) {
	for _, seed := range []string{"tags=a,b", "filter=a+b", "tag-filter=!a", "preset=x", "servers=a&tags=b", "tags=%", "tags=;", "filter=\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		s, err := parseSelector(query)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if s == (catalog.Selector{}) {
			return
		}
		name, text, _ := strings.Cut(strings.TrimPrefix(endpoint("", s), "?"), "=")
		again, err := parseSelector(url.Values{name: {text}}.Encode())
		if err != nil || again != s {
			t.Fatalf("%+v is read as %+v, %v", s, again, err)
		}
	})
}

// Whatever the path, a backend's name has come whole out of its one segment.
func FuzzRoute(f *testing.F) {
	for _, seed := range []string{"/mcp", "/mcp/", "/mcp/servers/a%2Fb", "/sse/servers/x", "//mcp", "/%6dcp", "", "*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		to := route(u, publicurl.Base{})
		if to.kind != toNothing && to.allow == "" {
			t.Fatalf("%q has no methods", path)
		}
		if to.backend == "" {
			return
		}
		segment := to.path[strings.LastIndexByte(to.path, '/')+1:]
		if name, err := url.PathUnescape(segment); err != nil || name != to.backend {
			t.Fatalf("%q names backend %q", path, to.backend)
		}
	})
}
