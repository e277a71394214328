package config

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// validate checks what the type of a setting does not say. The messages do not quote values.
func (d *decoder) validate(entry place, s *MCPServer, given map[string]place) {
	if at, ok := given["command"]; ok && d.sound(at) && strings.TrimSpace(s.Command) == "" {
		d.fail(at, "", "is empty")
	}
	if at, ok := given["url"]; ok && d.sound(at) {
		if _, ok := parseAddress(s.URL.Reveal()); !ok {
			d.fail(at, "for example https://example.com/mcp", "is not the URL of an HTTP server")
		}
	}
	d.globs(given["enabledTools"], s.EnabledTools)
	d.globs(given["disabledTools"], s.DisabledTools)
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
	return u, true
}

func (d *decoder) globs(at place, patterns []string) {
	for i, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil {
			d.fail(at.elements()[i], "", "is not a valid glob: a bracket is not closed")
		}
	}
}
