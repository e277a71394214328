package policy_test

import (
	"slices"
	"strings"
	"testing"
)

// ranks orders the packages: each imports lower ranks only. A new package gets its rank here.
func ranks() map[string]int {
	byRank := [][]string{
		{"internal/secret", "internal/fault", "internal/tagexpr", "internal/sse", "internal/guard", "internal/life", "internal/gcpace", "internal/trustproxy", "internal/ratelimit"},
		{"internal/publicurl", "internal/probe", "internal/obs", "internal/trustproxy/explain", "internal/trustlist", "internal/trustwatch", "internal/h1", "internal/h1/server"},
		{"internal/hostguard", "internal/mcp", "internal/config", "internal/auth", "internal/example"},
		{"internal/wire", "internal/accesslog", "internal/peer", "internal/catalog", "internal/session", "internal/trace", "internal/upstream"},
		{"internal/upstream/stdio", "internal/upstream/remote", "internal/upstream/upstreamtest", "internal/mcp/mcptest", "internal/gateway", "internal/testkit"},
		{"internal/front", "internal/front/stdio", "internal/admin"},
		{"internal/daemon", "internal/doctor", "internal/relay"},
		{"internal/cli"},
		{"cmd/1mcp", "internal/endtoend", "internal/policy", ".ci/report"},
	}
	out := map[string]int{}
	for rank, names := range byRank {
		for _, name := range names {
			out[module+"/"+name] = rank
		}
	}
	return out
}

func TestPackagesImportLowerRanksOnly(t *testing.T) {
	t.Parallel()
	rank, told := ranks(), map[string]bool{}
	for _, file := range tree(t) {
		own, ok := rank[file.pkg]
		if !ok && !told[file.pkg] {
			told[file.pkg] = true
			t.Errorf("package %s has no rank; give it one here and in ARCHITECTURE.md", file.pkg)
		}
		if file.test {
			continue
		}
		for _, path := range file.imports() {
			other, ours := rank[path]
			if ours && other >= own {
				t.Errorf("%s: rank %d imports %s of rank %d", file.path, own, path, other)
			}
		}
	}
}

// TestConfigurationStaysAtTheTop holds that no other package knows the file's form: they take
// options of their own, and daemon translates.
func TestConfigurationStaysAtTheTop(t *testing.T) {
	t.Parallel()
	allowed := []string{"onemcp/internal/daemon", "onemcp/internal/cli", "onemcp/internal/admin", "onemcp/internal/config"}
	for _, file := range tree(t) {
		if slices.Contains(file.imports(), "onemcp/internal/config") && !slices.Contains(allowed, file.pkg) {
			t.Errorf("%s imports config", file.path)
		}
	}
}

// dependency is a module that we chose to depend on.
type dependency struct {
	module string
	why    string
	tests  bool // in tests only
}

func dependencies() []dependency {
	return []dependency{
		{"github.com/agnivade/levenshtein", "Finds the setting that somebody who misspelled one had in mind.", false},
		{"github.com/fsnotify/fsnotify", "Tells on every system when the configuration file has changed.", false},
		{"github.com/go-json-experiment/json", "The strict JSON of the next standard library: case matters, duplicates are errors.", false},
		{"github.com/hashicorp/golang-lru/v2", "Bounded memories: which backend showed which resource, whose requests are counted.", false},
		{"github.com/joho/godotenv", "Reads .env files as everybody else does.", false},
		{"github.com/pires/go-proxyproto", "The PROXY protocol, both versions, as HAProxy and the clouds speak it.", false},
		{"github.com/prometheus/client_golang", "Metrics in the format everybody reads.", false},
		{"github.com/spf13/cobra", "Commands, flags and their help.", false},
		{"github.com/tailscale/hujson", "JSON with comments and trailing commas, with positions.", false},
		{"golang.org/x/sync", "A semaphore that waits with a context.", false},
		{"golang.org/x/time", "Token buckets for the rate limits.", false},
		{"golang.org/x/term", "Says whether a person sits at the other end.", false},
		{"github.com/rogpeppe/go-internal", "Scripts that test the commands of the real program.", true},
		{"github.com/santhosh-tekuri/jsonschema/v6", "Holds every message we send against the official schema of its version.", true},
		{"go.uber.org/goleak", "Finds goroutines that nobody waited for.", true},
	}
}

func TestDependenciesAreOnTheList(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, file := range tree(t) {
		for _, path := range file.imports() {
			if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
				continue // the standard library, or ours
			}
			d, ok := moduleOf(path)
			if !ok {
				t.Errorf("%s imports %s, which is not on the list; add it with one sentence that says why", file.path, path)
			}
			if d.tests && !file.test && !strings.HasSuffix(file.pkg, "test") {
				t.Errorf("%s imports %s, which is for tests", file.path, path)
			}
			used[d.module] = true
		}
	}
	for _, d := range dependencies() {
		if d.why == "" {
			t.Errorf("%s has no reason", d.module)
		}
		if !used[d.module] {
			t.Errorf("%s is on the list and not used", d.module)
		}
	}
}

func moduleOf(path string) (dependency, bool) {
	for _, d := range dependencies() {
		if path == d.module || strings.HasPrefix(path, d.module+"/") {
			return d, true
		}
	}
	return dependency{}, false
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	packages := map[string]bool{}
	for _, file := range tree(t) {
		if file.Name.Name == "main" {
			continue // a command has its comment in main.go
		}
		packages[file.pkg] = true
		if strings.HasSuffix(file.path, "/doc.go") && file.Doc != nil {
			documented[file.pkg] = true
		}
	}
	for pkg := range packages {
		if !documented[pkg] {
			t.Errorf("%s has no doc.go with a package comment", pkg)
		}
	}
}
