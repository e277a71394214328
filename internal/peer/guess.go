package peer

import (
	"regexp"

	"onemcp/internal/mcp"
)

// The ends of an answer as programs write them: the id stands in front, or last. Each pattern can only match
// members of the envelope: nothing but members without nesting stands between it and the
// outermost brace.
var (
	answerHead = regexp.MustCompile(`^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?(?:"id"\s*:\s*(\d{1,16})\s*,\s*)?(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"(?:result|error)"\s*:`)
	answerTail = regexp.MustCompile(`,\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,16})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$`)
	callHead   = regexp.MustCompile(`^\s*\{\s*(?:"(?:jsonrpc|id)"\s*:\s*(?:"[^"\\]*"|\d+)\s*,\s*)*"method"\s*:`)
)

// The ends of a request, likewise; an id may be a short text.
var (
	askHead = regexp.MustCompile(`^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*("[^"\\]*"|\d+)\s*,\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"method"\s*:`)
	askTail = regexp.MustCompile(`,\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*("[^"\\]*"|\d+)\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$`)
)

// RequestID reads the raw id of a request that is too long from its two ends, as programs write them; nil if the line
// does not say so clearly.
func (l *TooLong) RequestID() []byte {
	if found := askHead.FindSubmatch(l.Head); found != nil {
		return found[1]
	}
	if found := askTail.FindSubmatch(l.Tail); found != nil && isCall(l.Head) {
		return found[1]
	}
	return nil
}

// answerID reads the id of an answer that cannot be scanned from its two ends, or does not.
func answerID(head, tail []byte) (uint64, bool) {
	found := answerHead.FindSubmatch(head)
	if found == nil {
		return 0, false
	}
	if len(found[1]) > 0 {
		return mcp.Uint(found[1])
	}
	if found = answerTail.FindSubmatch(tail[max(0, len(tail)-tailSize):]); found == nil {
		return 0, false
	}
	return mcp.Uint(found[1])
}

// isCall reports whether a message that begins like this is clearly a request or a notification.
func isCall(head []byte) bool { return callHead.Match(head) }
