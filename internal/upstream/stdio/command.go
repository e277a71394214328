package stdio

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"onemcp/internal/fault"
)

// findCommand returns the file to run. The PATH that counts is the backend's, not ours.
func findCommand(o Options) (string, error) {
	if o.Dir != "" {
		if info, err := os.Stat(o.Dir); err != nil || !info.IsDir() {
			return "", fault.New(fault.Unavailable, "backend %q: the working directory %q does not exist", o.Name, o.Dir).
				WithHint(`correct "cwd"`).WithCause(err)
		}
	}
	if strings.ContainsAny(o.Command, "/"+string(filepath.Separator)) {
		return o.Command, nil
	}
	dirs := pathOf(o.Env)
	for _, dir := range filepath.SplitList(dirs) {
		if !filepath.IsAbs(dir) {
			continue // the working directory must not choose what is run
		}
		if path, err := exec.LookPath(filepath.Join(dir, o.Command)); err == nil {
			return path, nil
		}
	}
	return "", fault.New(fault.Unavailable, "backend %q: the command %q was not found in PATH", o.Name, o.Command).
		WithHint("%s", cmp.Or(misread(o.Command), `install it, write its full path as "command", or set PATH in "env"`)).
		WithCause(fmt.Errorf("PATH is %q", dirs))
}

// pathOf returns the value of the last PATH in an environment.
func pathOf(env []string) (path string) {
	for _, kv := range env {
		if name, value, _ := strings.Cut(kv, "="); strings.EqualFold(name, "PATH") {
			path = value
		}
	}
	return path
}
