package config

import (
	"cmp"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"onemcp/internal/tagexpr"
)

// validate checks what the type of a setting does not say. The messages do not quote values.
func (d *decoder) validate(entry place, s *MCPServer, given map[string]place) {
	if at, ok := given["command"]; ok && d.sound(at) && strings.TrimSpace(s.Command) == "" {
		d.fail(at, "name the program to start", "is empty")
	}
	d.zeros(s, given)
	if at, ok := given["url"]; ok && d.sound(at) {
		if _, ok := parseAddress(s.URL.Reveal()); !ok {
			d.fail(at, "for example https://example.com/mcp", "is not the URL of an HTTP server")
		}
	}
	d.globs(given["enabledTools"], s.EnabledTools)
	d.globs(given["disabledTools"], s.DisabledTools)
	d.tags(given["tags"], s.Tags)
	if at, ok := given["isolation"]; ok && s.Isolation == "principal" {
		d.warn(at, "", "clients are not authenticated yet, so all of them are one principal")
	}
}

// sound reports whether nothing was found wrong with the value at a place yet.
func (d *decoder) sound(at place) bool {
	return !slices.ContainsFunc(d.problems, func(p Problem) bool { return !p.Warning && p.Path == at.path })
}

// parseAddress accepts absolute http and https URLs.
func parseAddress(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, false
	}
	if _, err := strconv.ParseUint(cmp.Or(u.Port(), "0"), 10, 16); err != nil {
		return nil, false
	}
	return u, true
}

const zeroHint = "remove it: no program can be given one"

// zeros refuses what no process can be started with.
func (d *decoder) zeros(s *MCPServer, given map[string]place) {
	held := func(at place, text string) {
		if strings.Contains(text, "\x00") {
			d.fail(at, zeroHint, "the value holds a zero byte")
		}
	}
	held(given["command"], s.Command)
	held(given["cwd"], s.Cwd)
	for i, arg := range s.Args {
		held(given["args"].elements()[i], arg.Reveal())
	}
}

// tags warns of those that cannot stand in an expression.
func (d *decoder) tags(at place, tags []string) {
	for i, tag := range tags {
		if at := at.elements()[i]; d.sound(at) && !nameable(tag) {
			d.warn(at, "use letters, digits, - and _", "no filter and no preset can name this tag")
		}
	}
}

func nameable(tag string) bool {
	expr, err := tagexpr.Parse(tag)
	var named []string
	return err == nil && expr.Match(func(t string) bool { named = append(named, t); return true }) && slices.Equal(named, []string{tag})
}

func (d *decoder) globs(at place, patterns []string) {
	for i, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil {
			d.fail(at.elements()[i], `close it, or write \\[ for the character`, "is not a valid glob: a bracket is not closed")
		}
	}
}
