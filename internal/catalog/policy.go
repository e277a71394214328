package catalog

import (
	"path"

	"onemcp/internal/mcp"
)

// Policy is what the configuration says about one backend's tools. The zero Policy admits all.
type Policy struct {
	Enabled      []string          // names and globs; empty: all
	Disabled     []string          // names and globs; wins over Enabled
	Descriptions map[string]string // description overrides by tool name
}

// Idle reports whether the policy changes nothing, so that lists may pass untouched.
func (p *Policy) Idle() bool {
	return len(p.Enabled) == 0 && len(p.Disabled) == 0 && len(p.Descriptions) == 0
}

// Admits reports whether a tool, by the backend's own name for it, may be listed and called.
func (p *Policy) Admits(tool string) bool {
	if matchAny(p.Disabled, tool) {
		return false
	}
	return len(p.Enabled) == 0 || matchAny(p.Enabled, tool)
}

func matchAny(globs []string, name string) bool {
	for _, glob := range globs {
		if glob == name {
			return true
		}
		if ok, err := path.Match(glob, name); ok && err == nil {
			return true
		}
	}
	return false
}

// Apply returns the tools that are admitted, with overridden descriptions.
func (p *Policy) Apply(tools []Item) []Item {
	if p.Idle() {
		return tools
	}
	out := make([]Item, 0, len(tools))
	for _, tool := range tools {
		if !p.Admits(tool.Key) {
			continue
		}
		if text, ok := p.Descriptions[tool.Key]; ok {
			tool.Raw = describe(tool.Raw, text)
		}
		out = append(out, tool)
	}
	return out
}

// ApplyResult is Apply on a raw tools/list result: the array is replaced, the rest stays.
func (p *Policy) ApplyResult(result []byte) []byte {
	span := mcp.MemberSpan(result, kindTable[Tools].member)
	items, _, _, err := Page(Tools, result)
	if p.Idle() || err != nil {
		return result
	}
	return mcp.Splice(nil, result, []mcp.Edit{{At: span, Text: array(nil, p.Apply(items))}})
}

func array(dst []byte, items []Item) []byte {
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, item.Raw...)
	}
	return append(dst, ']')
}

func describe(tool []byte, text string) []byte {
	value := mcp.Quote(nil, text)
	if span := mcp.MemberSpan(tool, "description"); span.Present() {
		return mcp.Splice(nil, tool, []mcp.Edit{{At: span, Text: value}})
	}
	name := mcp.MemberSpan(tool, "name")
	return mcp.Splice(nil, tool, []mcp.Edit{{
		At:   mcp.Span{Start: name.End, End: name.End},
		Text: append([]byte(`,"description":`), value...),
	}})
}
