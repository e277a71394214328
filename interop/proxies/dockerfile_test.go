//go:build linux

package proxies_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// instruction is one of a Dockerfile, its continued lines joined.
type instruction struct{ name, rest string }

// stage is FROM and what follows it.
type stage struct {
	base, name   string
	instructions []instruction
}

// dockerfile reads the repository's. It knows the little that is used there.
func dockerfile(t testing.TB) []stage {
	t.Helper()
	var stages []stage
	text := strings.ReplaceAll(read(t, filepath.Join(repository(), "Dockerfile")), "\\\n", "")
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case name == "" || strings.HasPrefix(name, "#"):
		case name == "FROM":
			base, as, _ := strings.Cut(rest, " AS ")
			stages = append(stages, stage{base: base, name: as})
		case len(stages) == 0:
			t.Fatalf("%s stands before FROM", name)
		default:
			s := &stages[len(stages)-1]
			s.instructions = append(s.instructions, instruction{name, strings.TrimSpace(rest)})
		}
	}
	return stages
}

// last is the rest of the last instruction of a name.
func (s stage) last(name string) string {
	for _, i := range slices.Backward(s.instructions) {
		if i.name == name {
			return i.rest
		}
	}
	return ""
}

// env is what the ENV instructions set.
func (s stage) env() []string {
	var all []string
	for _, i := range s.instructions {
		if i.name == "ENV" {
			all = append(all, strings.Fields(i.rest)...)
		}
	}
	return all
}

// argv reads an instruction in the exec form; the small image has no shell for
// another.
func argv(t testing.TB, text string) []string {
	t.Helper()
	var args []string
	if err := json.Unmarshal([]byte(text), &args); err != nil || len(args) == 0 {
		t.Fatalf("%q is not in the exec form: %v", text, err)
	}
	return args
}

// TestDockerfile holds the file to rules of its builder that no builder is here
// to hold it to, and both images to what is promised of them.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	stages := dockerfile(t)
	var names []string
	valid := regexp.MustCompile(`^[a-z][a-z0-9._-]*$`)
	known := []string{"WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
	for _, s := range stages {
		for _, i := range s.instructions {
			if !slices.Contains(known, i.name) || i.rest == "" {
				t.Errorf("stage %s: what is %s %s?", s.name, i.name, i.rest)
			}
			if from, ok := strings.CutPrefix(i.rest, "--from="); ok && i.name == "COPY" {
				if from, _, _ = strings.Cut(from, " "); !slices.Contains(names, from) {
					t.Errorf("stage %s copies from %q, which is not before it", s.name, from)
				}
			}
		}
		if !valid.MatchString(s.name) || slices.Contains(names, s.name) {
			t.Errorf("%q is no name for a stage", s.name)
		}
		names = append(names, s.name)
	}
	if want := []string{"build", "with-tools", "gateway"}; !slices.Equal(names, want) {
		t.Fatalf("the stages are %q, want %q", names, want)
	}
	if got := stages[2].base; got != "scratch" {
		t.Errorf("the small image is made from %s", got)
	}
	for _, s := range stages[1:] {
		t.Run(s.name, func(t *testing.T) { checkImage(t, s) })
	}
}

func checkImage(t *testing.T, s stage) {
	t.Helper()
	for name, want := range map[string]string{
		"WORKDIR":    "/app",
		"EXPOSE":     "3000",
		"ENTRYPOINT": `["/usr/local/bin/1mcp"]`,
		"CMD":        `["serve"]`,
	} {
		if got := s.last(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, want := range []string{"ONE_MCP_HOST=0.0.0.0", "ONE_MCP_STATE_DIR=/var/lib/1mcp"} {
		if !slices.Contains(s.env(), want) {
			t.Errorf("there is no %s in %q", want, s.env())
		}
	}
	// By number: Kubernetes cannot tell that a name is not root.
	if user := s.last("USER"); !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("the user is %q", user)
	}
	_, check, _ := strings.Cut(s.last("HEALTHCHECK"), "CMD ")
	if got, want := argv(t, check), []string{"/usr/local/bin/1mcp", "health"}; !slices.Equal(got, want) {
		t.Errorf("the health check runs %q, want %q", got, want)
	}
}

// TestGoVersion: the image is built with the Go that the module asks for.
func TestGoVersion(t *testing.T) {
	t.Parallel()
	m := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, filepath.Join(repository(), "go.mod")))
	if base := dockerfile(t)[0].base; m == nil || !strings.HasPrefix(base, "golang:"+m[1]+"-") {
		t.Errorf("the image is built with %s, and go.mod says %q", base, m)
	}
}
