//go:build linux

package proxies_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocs: links in the guides lead somewhere, the gateway takes the settings
// that they show, and what they quote of deployed files stands there.
func TestDocs(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	block := regexp.MustCompile("(?s)```(json|nginx|apache|yaml)\n(.*?)```")
	for _, path := range []string{"docs/reverse-proxy.md", "docs/troubleshooting.md", "deploy/README.md"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			text := read(t, filepath.Join(repository(), path))
			for _, m := range link.FindAllStringSubmatch(text, -1) {
				if _, err := os.Stat(filepath.Join(repository(), filepath.Dir(path), m[1])); err != nil {
					t.Errorf("a link leads nowhere: %v", err)
				}
			}
			for _, m := range block.FindAllStringSubmatch(text, -1) {
				switch {
				case m[1] != "json":
					quotes(t, m[2])
				case strings.Contains(m[2], `"server"`):
					checkGatewayFile(t, write(t, t.TempDir(), "mcp.json", m[2]))
				}
			}
		})
	}
}

// quotes: each line of a block stands in one deployed file, wherever it is
// indented to.
func quotes(t *testing.T, block string) {
	t.Helper()
	found := false
	eachDeployed(t, func(_, text string) {
		all := true
		for line := range strings.Lines(block) {
			all = all && strings.Contains(text, strings.TrimSpace(line))
		}
		found = found || all
	})
	if !found {
		t.Errorf("no deployed file has all of this:\n%s", block)
	}
}
