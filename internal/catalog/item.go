package catalog

import (
	"fmt"
	"slices"

	"onemcp/internal/mcp"
)

// Kind is one of the four lists.
type Kind uint8

// The lists.
const (
	Tools Kind = iota
	Prompts
	Resources
	Templates
	kinds
)

var kindTable = [kinds]struct{ method, member, key, note string }{
	Tools:     {mcp.MethodToolsList, "tools", "name", mcp.NoteToolsChanged},
	Prompts:   {mcp.MethodPromptsList, "prompts", "name", mcp.NotePromptsChanged},
	Resources: {mcp.MethodResourcesList, "resources", "uri", mcp.NoteResourcesChanged},
	Templates: {mcp.MethodTemplatesList, "resourceTemplates", "uriTemplate", mcp.NoteResourcesChanged},
}

// Kinds returns all four.
func Kinds() []Kind { return []Kind{Tools, Prompts, Resources, Templates} }

// Method returns the request that asks for the list.
func (k Kind) Method() string { return kindTable[k].method }

// Note returns the notification that says the list has changed.
func (k Kind) Note() string { return kindTable[k].note }

// String returns the member of the result that holds the list.
func (k Kind) String() string { return kindTable[k].member }

// KindOf returns the list a request asks for.
func KindOf(method string) (Kind, bool) {
	for k := range kinds {
		if kindTable[k].method == method {
			return k, true
		}
	}
	return 0, false
}

// Item is one entry of a backend's list, as the backend wrote it.
type Item struct {
	Raw    []byte            // the whole object
	Key    string            // its name, uri or uriTemplate
	Params []mcp.ParamHeader // of a tool: arguments that travel in headers too
	Wrong  error             // of a tool: why the marks of such arguments are not valid; nil if they are
}

// Offer is what one backend lists.
type Offer struct {
	Items  [kinds][]Item
	Barred map[string]bool // tools that are not in Items since they must not be called
	TTL    int64           // milliseconds a modern backend allows its lists to be kept; 0 if it said nothing
	Public bool            // every list may be shown across authorization contexts

	marked   map[string][]mcp.ParamHeader // tools that have some; see [Offer.Index]
	taskOnly map[string]bool              // likewise
	tasks    bool                         // some tool says something about tasks; false before Index
}

// Index makes [Offer.ParamsOf] and [Offer.TaskOnly] know the tools there are. It is called once, before the offer is shared.
func (o *Offer) Index() {
	o.marked, o.taskOnly = nil, nil
	for _, tool := range o.Items[Tools] {
		some, only := supportsTasks(tool.Raw)
		o.tasks = o.tasks || some
		if only {
			note(&o.taskOnly, tool.Key, true)
		}
		if _, twice := o.marked[tool.Key]; len(tool.Params) > 0 && !twice {
			note(&o.marked, tool.Key, tool.Params)
		}
	}
}

// note adds to a map that is made when something is in it: of most servers nothing is.
func note[V any](m *map[string]V, key string, v V) {
	if *m == nil {
		*m = make(map[string]V)
	}
	(*m)[key] = v
}

// ParamsOf returns the header marks of a tool, or that it must not be called.
func (o *Offer) ParamsOf(tool string) (params []mcp.ParamHeader, barred bool) {
	return o.marked[tool], o.Barred[tool]
}

// Page reads one page of a list result. Entries without their key are left out and counted.
func Page(k Kind, result []byte) (items []Item, cursor []byte, dropped int, err error) {
	list := slices.Clone(mcp.Member(result, kindTable[k].member)) // one copy, in which all entries lie
	elements := mcp.Elements(list)
	if elements == nil {
		return nil, nil, 0, fmt.Errorf("the answer to %s holds no array %q", k.Method(), kindTable[k].member)
	}
	items = make([]Item, 0, len(elements))
	for _, raw := range elements {
		key, ok := mcp.Unquote(mcp.Member(raw, kindTable[k].key))
		if !ok {
			dropped++
			continue
		}
		item := Item{Raw: raw, Key: key}
		if k == Tools {
			item.mark(raw)
		}
		items = append(items, item)
	}
	return items, mcp.Member(result, "nextCursor"), dropped, nil
}

// mark reads the marks of a tool. Wrong ones mean no headers.
func (i *Item) mark(raw []byte) {
	if i.Params, i.Wrong = mcp.ParamHeaders(raw); i.Wrong != nil {
		i.Params = nil
	}
}

// Bar takes the tools with wrong marks out of the offer, and returns them. A client must not call them
// over modern HTTP.
func (o *Offer) Bar() (barred []Item) {
	kept := make([]Item, 0, len(o.Items[Tools]))
	for _, tool := range o.Items[Tools] {
		if tool.Wrong == nil {
			kept = append(kept, tool)
			continue
		}
		barred = append(barred, tool)
		if o.Barred == nil {
			o.Barred = make(map[string]bool)
		}
		o.Barred[tool.Key] = true
	}
	o.Items[Tools] = kept
	return barred
}

// BarResult is Bar on a raw tools/list result: the array is replaced if it must be, the rest stays.
func BarResult(result []byte) []byte {
	if !mcp.HasParamMarks(result) {
		return result
	}
	var page Offer
	items, _, _, err := Page(Tools, result)
	page.Items[Tools] = items
	if err != nil || page.Bar() == nil {
		return result
	}
	span := mcp.MemberSpan(result, kindTable[Tools].member)
	return mcp.Splice(nil, result, []mcp.Edit{{At: span, Text: array(nil, page.Items[Tools])}})
}

// renamed returns the item's bytes under another key, with only that member replaced.
func (i Item) renamed(k Kind, key string) []byte {
	if key == i.Key {
		return i.Raw
	}
	span := mcp.MemberSpan(i.Raw, kindTable[k].key)
	return mcp.Splice(nil, i.Raw, []mcp.Edit{{At: span, Text: mcp.Quote(nil, key)}})
}
