package config

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// validate checks what the type of a setting does not say. The messages do not quote values.
func (d *decoder) validate(entry place, s *MCPServer, given map[string]place) {
	if at, ok := given["command"]; ok && strings.TrimSpace(s.Command) == "" {
		d.fail(at, "", "is empty")
	}
	if at, ok := given["url"]; ok && at.kind() == '"' {
		d.address(at, s.URL.Reveal())
	}
	if at, ok := given["headers"]; ok {
		d.headers(at, s)
	}
	d.globs(given["enabledTools"], s.EnabledTools)
	d.globs(given["disabledTools"], s.DisabledTools)
	if at, ok := given["isolation"]; ok && s.Isolation == "principal" {
		d.warn(at, "", "clients are not authenticated yet, so all of them are one principal")
	}
}

func (d *decoder) address(at place, text string) {
	if !d.problems.Of(d.server).touches(at.path) {
		if _, ok := parseAddress(text); !ok {
			d.fail(at, "for example https://example.com/mcp", "is not the URL of an HTTP server")
		}
	}
}

func (ps Problems) touches(path string) bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return p.Path == path })
}

// parseAddress accepts absolute http and https URLs.
func parseAddress(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, false
	}
	return u, true
}

// headers checks names and values. A wrong name is not quoted: it may be a whole header.
func (d *decoder) headers(at place, s *MCPServer) {
	if at.kind() != '{' {
		return
	}
	for _, m := range (&decoder{source: d.source}).members(at) {
		if !isToken(m.key) {
			d.report(m.keyAt, at.path, Problem{Message: "this is not the name of an HTTP header"})
		}
		if strings.ContainsAny(s.Headers[m.key].Reveal(), "\r\n\x00") {
			d.fail(m.place, "a line feed at the end of a variable's value is a common reason", "the value holds a line break")
		}
	}
}

func isToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

func (d *decoder) globs(at place, patterns []string) {
	for i, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil {
			d.fail(at.elements()[i], "", "is not a valid glob: a bracket is not closed")
		}
	}
}
