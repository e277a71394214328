package peer

import (
	"iter"

	"onemcp/internal/mcp"
)

// Attribution is what must be known of a call in flight to tell whose a message is that names none.
type Attribution struct {
	Owner  any    // nil: nobody's
	Serial uint64 // by age
	Listen bool   // a subscription: all that belongs to it names it
}

// SoleOwner returns the oldest of the calls in flight if all have one owner, and no call of another owner that was given
// up may still be going on; else the zero value. Calls without an owner do not count, nor do subscriptions.
func SoleOwner[C interface{ Attribution() Attribution }](calls iter.Seq[C], ghosts *Ghosts) (oldest C) {
	var none C
	var first Attribution
	for c := range calls {
		switch a := c.Attribution(); {
		case a.Listen || a.Owner == nil:
		case first.Owner == nil:
			oldest, first = c, a
		case a.Owner != first.Owner:
			return none
		case a.Serial < first.Serial:
			oldest, first = c, a
		}
	}
	if first.Owner != nil && ghosts.Haunt(first.Owner) {
		return none
	}
	return oldest
}

// OfConnection reports whether a notification is about the other side as a whole, or about things that outlive a call.
func OfConnection(method string) bool {
	switch method {
	case mcp.NoteToolsChanged, mcp.NotePromptsChanged, mcp.NoteResourcesChanged,
		mcp.NoteResourceUpdated, mcp.NoteElicitComplete, mcp.NoteTaskStatus, mcp.NoteTasks:
		return true
	}
	return false
}
