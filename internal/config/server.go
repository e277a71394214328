package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"onemcp/internal/secret"
	"onemcp/internal/tagexpr"
)

// servers reads mcpServers, or servers in its place, over serverDefaults.
func (d *decoder) servers(sections map[string]place) []MCPServer {
	defaults := d.serverDefaults(sections)
	at, ok := sections["mcpServers"]
	if other, both := sections["servers"]; ok && both {
		d.fail(other, "move its entries to mcpServers", "stands beside mcpServers, which means the same")
	} else if both {
		at, ok = other, true
	}
	if !ok {
		return nil
	}
	var out []MCPServer
	cleaned := map[string]string{}
	for _, m := range d.members(at) {
		if m.key == "" {
			d.report(m.keyAt, m.path, Problem{Message: "an entry without a name is ignored", Warning: true})
			continue
		}
		d.server = m.key
		d.serverName(m, cleaned)
		d.unreachable(m)
		out = append(out, d.entry(m, defaults))
		d.server = ""
	}
	return out
}

// serverDefaults checks the section once, so that what is wrong in it is told once, and returns
// what the servers inherit.
func (d *decoder) serverDefaults(sections map[string]place) []member {
	at, ok := sections["serverDefaults"]
	if !ok {
		return nil
	}
	known := fieldsOf(reflect.TypeFor[MCPServer]())
	var inherited []member
	for _, m := range d.members(at) {
		switch f, ok := known.find(m.key); {
		case !ok:
			d.unknown(m, known.names())
		case f.own:
			d.report(m.keyAt, m.path, Problem{Message: "has no effect here: it belongs to a single server", Warning: true})
		default:
			inherited = append(inherited, m)
		}
	}
	before := len(d.problems.Errors())
	d.lenient = true
	d.structure(reflect.ValueOf(&MCPServer{}).Elem(), inherited)
	d.lenient = false
	if len(d.problems.Errors()) > before {
		return nil
	}
	return inherited
}

// serverName refuses names that cannot be told apart once they stand in front of a tool's name.
func (d *decoder) serverName(m member, cleaned map[string]string) {
	clean := CleanName(m.key)
	if other, ok := cleaned[clean]; ok {
		d.report(m.keyAt, m.path, Problem{
			Message: fmt.Sprintf("becomes %s in the names of tools, as server %q does", clean, other),
			Hint:    "rename one of the two",
		})
		return
	}
	cleaned[clean] = m.key
}

// unreachable warns of names that work in the names of tools, and by which no client can pick the server.
func (d *decoder) unreachable(m member) {
	p := Problem{Hint: "use letters, digits, - and _", Warning: true}
	switch {
	case m.key == "." || m.key == "..":
		p.Message = "no address /mcp/servers/NAME can name it"
	case strings.Contains(m.key, ","):
		p.Message = "no ?servers= can name it"
	default:
		return
	}
	d.report(m.keyAt, m.path, p)
}

// CleanName returns a server's name as it stands in the names of tools and prompts: what is
// outside A-Z a-z 0-9 _ - becomes _.
func CleanName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}, name)
}

// entry reads one server. What is wrong with it is its own affair.
func (d *decoder) entry(m member, defaults []member) MCPServer {
	s := MCPServer{Name: m.key}
	own := d.renamed(d.members(m.place))
	d.lenient = d.disabled(own, defaults)
	s.Kind = d.kind(m, own)
	inherited, _ := split(defaults, s.Kind)
	own, idle := split(own, s.Kind)
	for _, one := range idle {
		d.report(one.keyAt, one.path, Problem{Message: fmt.Sprintf("has no effect on a server of this kind (%s)", s.Kind), Warning: true})
	}
	v := reflect.ValueOf(&s).Elem()
	given := d.structure(v, inherited, own)
	s.aliasTimeout(given)
	setDefaults(v, given)
	if !d.lenient {
		d.validate(m.place, &s, given)
	}
	d.lenient = false
	return s
}

// renamed gives Windsurf's serverUrl its name here.
func (d *decoder) renamed(own []member) []member {
	var out []member
	for _, m := range own {
		if m.key == "serverUrl" {
			if has(own, "url") {
				d.report(m.keyAt, m.path, Problem{Message: "has no effect beside url", Warning: true})
				continue
			}
			m.key = "url"
		}
		out = append(out, m)
	}
	return out
}

func find(list []member, key string) (member, bool) {
	for _, m := range list {
		if m.key == key {
			return m, true
		}
	}
	return member{}, false
}

func has(list []member, key string) bool {
	_, ok := find(list, key)
	return ok
}

// disabled looks ahead: what an entry lacks does not matter as long as it is disabled.
func (d *decoder) disabled(own, defaults []member) bool {
	m, ok := find(own, "disabled")
	if !ok {
		m, ok = find(defaults, "disabled")
	}
	if !ok {
		return false
	}
	text, _ := expand(m.text(), false, d.env)
	return m.kind() == 't' || text == "true"
}

// kind infers how the server is reached.
func (d *decoder) kind(entry member, own []member) Kind {
	hasCommand, hasURL := has(own, "command"), has(own, "url")
	if m, ok := find(own, "type"); ok {
		kind := d.namedKind(m)
		d.needs(entry, kind, hasCommand, hasURL)
		return kind
	}
	switch {
	case hasCommand && hasURL:
		d.report(entry.keyAt, entry.path, Problem{Message: "has both command and url", Hint: "set type, or remove one of the two"})
		return KindUnknown
	case hasCommand:
		return KindStdio
	case hasURL:
		return KindHTTPOrSSE
	case entry.kind() == '{':
		d.report(entry.keyAt, entry.path, Problem{Message: "has neither command nor url", Hint: "a local server needs command, a remote one url"})
	}
	return KindUnknown
}

// namedKind says what type means. A wrong type is reported where the entry is read.
func (d *decoder) namedKind(m member) Kind {
	text, _ := expand(m.text(), false, d.env)
	switch text {
	case "stdio":
		return KindStdio
	case "http", "streamableHttp", "streamable-http":
		return KindHTTP
	case "sse":
		return KindSSE
	default:
		return KindUnknown
	}
}

func (d *decoder) needs(entry member, kind Kind, hasCommand, hasURL bool) {
	switch {
	case kind == KindStdio && !hasCommand:
		d.report(entry.keyAt, entry.path, Problem{Message: "a server of type stdio needs command", Hint: "the program to start, or correct type"})
	case kind.Remote() && !hasURL:
		d.report(entry.keyAt, entry.path, Problem{Message: fmt.Sprintf("a server of type %s needs url", kind), Hint: "such as https://example.com/mcp, or correct type"})
	}
}

// split tells the settings that mean something to a server of the kind from those that do not.
func split(list []member, kind Kind) (used, idle []member) {
	known := fieldsOf(reflect.TypeFor[MCPServer]())
	for _, m := range list {
		f, _ := known.find(m.key)
		if kind != KindUnknown && f.only != "" && (f.only == "remote") != kind.Remote() {
			idle = append(idle, m)
		} else {
			used = append(used, m)
		}
	}
	return used, idle
}

// aliasTimeout lets timeout stand for the two that were not given.
func (s *MCPServer) aliasTimeout(given map[string]place) {
	at, ok := given["timeout"]
	if !ok {
		return
	}
	if _, ok := given["connectionTimeout"]; !ok {
		s.ConnectionTimeout, given["connectionTimeout"] = s.Timeout, at
	}
	if _, ok := given["requestTimeout"]; !ok {
		s.RequestTimeout, given["requestTimeout"] = s.Timeout, at
	}
}

func (s *MCPServer) picked(by tagexpr.Expr) bool {
	return by.Match(func(tag string) bool { return slices.Contains(s.Tags, tag) })
}

// Target returns what the server is, for people: its command, or its address without what
// may be a secret. Arguments are never shown.
func (s *MCPServer) Target() string {
	if s.Kind.Remote() {
		return RedactURL(s.URL)
	}
	return s.Command
}

// RedactURL returns an address for people: no user, no password, no query, and long
// segments of the path, which may be keys, cut out.
func RedactURL(address secret.Text) string {
	u, ok := parseAddress(address.Reveal())
	if !ok {
		return "[not a URL]"
	}
	segments := strings.Split(u.EscapedPath(), "/")
	for i, segment := range segments {
		if len(segment) >= 16 && strings.ContainsAny(segment, "0123456789") {
			segments[i] = "[redacted]"
		}
	}
	out := u.Scheme + "://" + u.Host + strings.Join(segments, "/")
	if u.RawQuery != "" {
		out += "?[redacted]"
	}
	return out
}
