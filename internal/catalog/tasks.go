package catalog

import (
	"bytes"
	"slices"

	"onemcp/internal/mcp"
)

// What a legacy tool says about tasks in execution.taskSupport. The modern era has no such member, and no task crosses
// eras: where a tool is shown across, the member is left out.

// supportsTasks reports whether a raw tool may be called as a task, and whether it may be called in no other way.
func supportsTasks(tool []byte) (some, only bool) {
	if !bytes.Contains(tool, []byte(`"taskSupport"`)) { // as nearly always
		return false, false
	}
	support, _ := mcp.Unquote(mcp.Member(mcp.Member(tool, "execution"), "taskSupport"))
	return support != "", support == "required"
}

// untasked returns a raw tool without its word on tasks.
func untasked(tool []byte) []byte {
	if some, _ := supportsTasks(tool); !some {
		return tool
	}
	less := mcp.Without(mcp.Member(tool, "execution"), "taskSupport")
	return mcp.Splice(nil, tool, []mcp.Edit{{At: mcp.MemberSpan(tool, "execution"), Text: less}})
}

// UntaskedResult leaves out of a raw tools/list result what the tools say about tasks; the rest stays.
func UntaskedResult(result []byte) []byte {
	if !bytes.Contains(result, []byte(`"taskSupport"`)) {
		return result
	}
	span := mcp.MemberSpan(result, kindTable[Tools].member)
	items, _, _, err := Page(Tools, result)
	if err != nil {
		return result
	}
	for i := range items {
		items[i].Raw = untasked(items[i].Raw)
	}
	return mcp.Splice(nil, result, []mcp.Edit{{At: span, Text: array(nil, items)}})
}

// TaskOnly reports whether a tool can be called as a task only.
func (o *Offer) TaskOnly(tool string) bool { return o.taskOnly[tool] }

// speaks reports whether a member's server is reached in an era without a bridge. One of which nothing is known is.
func (m Member) speaks(era mcp.Era) bool { return len(m.Eras) == 0 || slices.Contains(m.Eras, era) }

// crosses reports whether a view shows tools that say something about tasks to an era that their servers do not speak.
func (v *View) crosses(era mcp.Era) bool {
	for i, m := range v.catalog.members {
		if v.shown[i] && m.Offer != nil && !m.speaks(era) && m.Offer.tasks {
			return true
		}
	}
	return false
}
