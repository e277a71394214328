package gateway

import (
	"slices"

	"onemcp/internal/mcp"
)

// How much is kept of what a backend says while its call's client is away.
const (
	maxMissedLogs = 32
	maxMissed     = 64 << 10 // bytes
)

// missed is what came while no client was attached: the newest log messages, in order, and the newest progress report.
type missed struct {
	logs     []*mcp.Message
	progress *mcp.Message
}

// add keeps a message, which is small enough, and returns those that it takes the place of.
func (v *missed) add(m *mcp.Message) (gone []*mcp.Message) {
	if m.Method != mcp.NoteMessage {
		if v.progress != nil {
			gone = append(gone, v.progress)
		}
		v.progress = m
		return gone
	}
	v.logs = append(v.logs, m)
	n := 0
	for len(v.logs)-n > maxMissedLogs || sum(v.logs[n:]) > maxMissed {
		n++
	}
	gone = slices.Clone(v.logs[:n])
	v.logs = slices.Delete(v.logs, 0, n)
	return gone
}

func sum(all []*mcp.Message) (bytes int) {
	for _, m := range all {
		bytes += weight(m)
	}
	return bytes
}

// drop forgets a message.
func (v *missed) drop(m *mcp.Message) {
	if v.progress == m {
		v.progress = nil
	}
	v.logs = slices.DeleteFunc(v.logs, func(one *mcp.Message) bool { return one == m })
}

// take returns everything and keeps nothing.
func (v *missed) take() []*mcp.Message {
	all := v.logs
	if v.progress != nil {
		all = append(all, v.progress)
	}
	*v = missed{}
	return all
}
