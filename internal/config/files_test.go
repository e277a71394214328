package config_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"onemcp/internal/config"
	"onemcp/internal/secret"
)

var update = flag.Bool("update", false, "write what is found into testdata and the schema")

// TestFiles loads each archive of testdata: mcp.json, and where they exist .env and the
// environment (env). It compares with what should be found: problems, and the servers.
func TestFiles(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"good", "bad"} {
		for _, path := range archives(t, kind) {
			t.Run(kind+"/"+strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
				t.Parallel()
				checkArchive(t, path)
			})
		}
	}
}

func archives(t *testing.T, kind string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", kind, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives in %s: %v", kind, err)
	}
	return paths
}

func checkArchive(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cfg, problems := loadArchive(t, archive)
	if problems.Fatal() != (cfg == nil) {
		t.Errorf("config = %v with problems %v", cfg, problems)
	}
	found := map[string]string{"problems": describeProblems(problems), "servers": describe(cfg)}
	for _, name := range []string{"problems", "servers"} {
		if *update {
			setSection(archive, name, found[name])
		} else if want := string(section(archive, name)); found[name] != want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, found[name], want)
		}
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// loadArchive loads the files of an archive from a real directory, the name of which it takes out of the problems.
func loadArchive(t *testing.T, archive *txtar.Archive) (*config.Config, config.Problems) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"mcp.json", ".env"} {
		if data := section(archive, name); data != nil {
			write(t, filepath.Join(dir, name), string(data))
		}
	}
	env := environment(strings.Split(strings.TrimSpace(string(section(archive, "env"))), "\n")...)
	cfg, problems := config.Load(filepath.Join(dir, "mcp.json"), env)
	for i := range problems {
		problems[i].File = filepath.Base(problems[i].File)
	}
	return cfg, problems
}

func section(archive *txtar.Archive, name string) []byte {
	for _, f := range archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func setSection(archive *txtar.Archive, name, text string) {
	archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == name })
	if text != "" {
		archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(text)})
	}
}

func environment(pairs ...string) config.Lookup {
	values := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok && name != ""
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func describeProblems(problems config.Problems) string {
	var b strings.Builder
	for _, p := range problems {
		word := "error"
		if p.Warning {
			word = "warning"
		}
		if p.Server != "" {
			word += " of " + p.Server
		}
		fmt.Fprintf(&b, "%s: %s\n", word, p)
	}
	return b.String()
}

// describe shows the servers with all that differs from the defaults, secrets too.
func describe(cfg *config.Config) string {
	if cfg == nil {
		return ""
	}
	var b strings.Builder
	for _, s := range cfg.Servers {
		kind := string(s.Kind)
		if !s.Usable() {
			kind += " unusable"
		}
		fmt.Fprintf(&b, "%s: %s\n", s.Name, strings.TrimSpace(kind))
		describeServer(&b, s)
	}
	for _, p := range cfg.Presets {
		fmt.Fprintf(&b, "preset %s: %s\n", p.Name, p.Expr)
	}
	return b.String()
}

func describeServer(b *strings.Builder, s config.MCPServer) {
	line := func(name string, values ...string) {
		if text := strings.Join(values, " "); text != "" {
			fmt.Fprintf(b, "  %s %s\n", name, text)
		}
	}
	line("command", s.Command)
	line("args", revealed(s.Args)...)
	line("cwd", s.Cwd)
	line("env", pairs(s.Env)...)
	line("envFilter", s.EnvFilter...)
	line("url", s.URL.Reveal())
	line("headers", pairs(s.Headers)...)
	line("tags", s.Tags...)
	line("enabledTools", s.EnabledTools...)
	line("disabledTools", s.DisabledTools...)
	for _, tool := range slices.Sorted(maps.Keys(s.ToolDescriptionOverrides)) {
		line("describe "+tool, s.ToolDescriptionOverrides[tool])
	}
	line("instructions", s.InstructionOverride)
	line("isolation", s.Isolation)
	line("protocol", s.Protocol)
	for _, flag := range []struct {
		name string
		set  bool
	}{{"disabled", s.Disabled}, {"inheritParentEnv", s.InheritParentEnv}} {
		if flag.set {
			fmt.Fprintf(b, "  %s\n", flag.name)
		}
	}
	if s.ConnectionTimeout.Seconds() != 60 || s.RequestTimeout.Seconds() != 60 {
		fmt.Fprintf(b, "  timeouts %v %v\n", s.ConnectionTimeout, s.RequestTimeout)
	}
	if s.MaxRequestTime.Hours() != 24 {
		fmt.Fprintf(b, "  maxRequestTime %v\n", s.MaxRequestTime)
	}
	if s.MaxConcurrency != 0 || s.MaxMessageSize != 64<<20 {
		fmt.Fprintf(b, "  limits %d %d\n", s.MaxConcurrency, s.MaxMessageSize)
	}
	if s.MaxConnections != 1000 {
		fmt.Fprintf(b, "  maxConnections %d\n", s.MaxConnections)
	}
}

func revealed(list []secret.Text) []string {
	var out []string
	for _, text := range list {
		out = append(out, text.Reveal())
	}
	return out
}

func pairs(values map[string]secret.Text) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, name+"="+values[name].Reveal())
	}
	return out
}
