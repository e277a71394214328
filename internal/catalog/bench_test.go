package catalog_test

import (
	"fmt"
	"testing"

	"onemcp/internal/catalog"
	"onemcp/internal/mcp"
)

// crowd returns a catalog of backends with so many tools each, and a name in its middle.
func crowd(b *testing.B, backends, each int) (*catalog.Catalog, string) {
	b.Helper()
	members := make([]catalog.Member, backends)
	names := make([]string, each)
	for i := range names {
		names[i] = fmt.Sprintf("tool-%d", i)
	}
	for i := range members {
		members[i] = catalog.Member{Name: fmt.Sprintf("backend-%d", i), Offer: tools(names...)}
	}
	return catalog.Build(catalog.Naming{}, members, nil), fmt.Sprintf("backend-%d_1mcp_tool-%d", backends/2, each/2)
}

func sizes() []struct{ backends, each int } {
	return []struct{ backends, each int }{{1, 10}, {20, 10}, {20, 50}, {200, 50}}
}

// BenchmarkResolve finds the backend of a name: the view of a selection first, then the route.
func BenchmarkResolve(b *testing.B) {
	for _, s := range sizes() {
		b.Run(fmt.Sprintf("%d_tools_of_%d_backends", s.backends*s.each, s.backends), func(b *testing.B) {
			c, name := crowd(b, s.backends, s.each)
			b.ReportAllocs()
			for b.Loop() {
				v, err := c.View(catalog.Selector{})
				if err != nil {
					b.Fatal(err)
				}
				if _, found := v.Resolve(catalog.Tools, name); !found {
					b.Fatalf("%s is not found", name)
				}
			}
		})
	}
}

// BenchmarkList takes the prepared list.
func BenchmarkList(b *testing.B) {
	for _, s := range sizes() {
		b.Run(fmt.Sprintf("%d_tools", s.backends*s.each), func(b *testing.B) {
			c, _ := crowd(b, s.backends, s.each)
			b.ReportAllocs()
			for b.Loop() {
				v, err := c.View(catalog.Selector{})
				if err != nil {
					b.Fatal(err)
				}
				if text, _ := v.List(catalog.Tools, mcp.NoEra, 0, 0); len(text) == 0 {
					b.Fatal("no list")
				}
			}
		})
	}
}

// BenchmarkBuild merges anew, as after a change of one backend's list.
func BenchmarkBuild(b *testing.B) {
	for _, s := range sizes() {
		b.Run(fmt.Sprintf("%d_tools", s.backends*s.each), func(b *testing.B) {
			c, _ := crowd(b, s.backends, s.each)
			b.ReportAllocs()
			for b.Loop() {
				catalog.Build(catalog.Naming{}, c.Members(), nil)
			}
		})
	}
}
