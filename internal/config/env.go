package config

import (
	"slices"
	"strings"

	"onemcp/internal/secret"
)

// Env is the environment that a server's entry asks for, by name.
type Env map[string]secret.Text

// safeEnv are the variables that every child gets: what programs need to find their way,
// and nothing that is likely to hold a secret.
var safeEnv = [...]string{
	"HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER",
	"APPDATA", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PATHEXT", "PROCESSOR_ARCHITECTURE", "PROGRAMFILES",
	"SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "USERNAME", "USERPROFILE",
}

// envInto reads a map, or a list of NAME=value and NAME. Names that target has stay as they are.
func (d *decoder) envInto(target *Env, at place, r rules) {
	if *target == nil {
		*target = Env{}
	}
	switch at.kind() {
	case '{':
		for _, m := range d.members(at) {
			if d.envName(at, m.place, m.key) && !target.has(m.key) {
				text, _ := d.text(m.place, r)
				target.set(d, m.place, m.key, text)
			}
		}
	case '[':
		for _, element := range at.elements() {
			d.envElement(target, element, r)
		}
	default:
		d.mismatch(at, "an object or a list")
	}
}

func (d *decoder) envElement(target *Env, at place, r rules) {
	text, ok := d.text(at, r)
	if !ok {
		return
	}
	name, value, assigned := strings.Cut(text, "=")
	if !d.envName(at, at, name) || target.has(name) {
		return
	}
	if !assigned {
		if value, ok = d.env(name); !ok {
			d.warn(at, "set it before the start, or write NAME=value", "our environment has no variable of this name to pass on")
			return
		}
	}
	target.set(d, at, name, value)
}

// envName checks a name and reports it at the place's parent, whose path does not quote it: who
// writes NAME=value as a name has written a secret.
func (d *decoder) envName(parent, at place, name string) bool {
	if name != "" && !strings.ContainsAny(name, "=\x00") {
		return true
	}
	d.report(at.StartOffset, parent.path, Problem{Message: "this is not the name of an environment variable", Hint: "a name is not empty and holds no ="})
	return false
}

func (e Env) has(name string) bool {
	_, ok := e[name]
	return ok
}

func (e Env) set(d *decoder, at place, name, value string) {
	if strings.Contains(value, "\x00") {
		d.fail(at, zeroHint, "the value holds a zero byte")
		return
	}
	e[name] = secret.New(value)
}

// ChildEnv returns the environment of the server's process as NAME=value, sorted: what may be inherited
// of parent (as os.Environ gives it), less what envFilter holds back, then the entry's own
// variables. It is the place where the secrets leave; do not print it.
func (s *MCPServer) ChildEnv(parent []string) []string {
	env := map[string]string{}
	for _, pair := range parent {
		if name, value, ok := strings.Cut(pair, "="); ok && s.inherits(name, value) {
			env[name] = value
		}
	}
	for name, value := range s.Env {
		env[name] = value.Reveal()
	}
	out := make([]string, 0, len(env))
	for name, value := range env {
		out = append(out, name+"="+value)
	}
	slices.Sort(out)
	return out
}

// inherits decides on one variable. Exported shell functions never pass.
func (s *MCPServer) inherits(name, value string) bool {
	if name == "" || strings.HasPrefix(value, "()") {
		return false
	}
	if !s.InheritParentEnv && !isSafe(name) {
		return false
	}
	return passes(name, s.EnvFilter)
}

func isSafe(name string) bool {
	return slices.ContainsFunc(safeEnv[:], func(safe string) bool { return strings.EqualFold(safe, name) })
}

// passes holds a name against patterns: one that starts with ! forbids and wins; with at least
// one that allows, only what is allowed passes.
func passes(name string, patterns []string) bool {
	allowed, anyAllow := false, false
	for _, pattern := range patterns {
		denied, deny := strings.CutPrefix(pattern, "!")
		switch {
		case deny && matchesName(name, denied):
			return false
		case !deny:
			anyAllow = true
			allowed = allowed || matchesName(name, pattern)
		}
	}
	return allowed || !anyAllow
}

func matchesName(name, pattern string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return name == pattern
}
