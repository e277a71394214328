package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"regexp"

	"onemcp/internal/mcp"
)

// spoilt takes a message of the connection's stream that is not valid. If it was meant to be the answer of a call,
// that call fails.
func (l *ledger) spoilt(text []byte, err error) {
	l.warn(err)
	if id, kind := judgeSpoilt(text, text); kind == spoiltAnswer {
		l.failCall(id, err)
	}
}

// tooLarge takes a message of the connection's stream that is over the limit. If it cannot be told whose answer it
// is, all calls fail, as one of them would wait for ever. skip passes over the message and returns its end.
func (l *ledger) tooLarge(head []byte, skip func() ([]byte, error)) {
	err := l.at.errTooLarge()
	l.warn(err)
	id, kind := judgeSpoilt(head, nil)
	if kind == spoiltUnknown {
		tail, broken := skip()
		if broken != nil {
			return // the end of the stream fails all
		}
		id, kind = judgeSpoilt(head, tail)
	}
	switch kind {
	case spoiltAnswer:
		l.failCall(id, err)
	case spoiltUnknown:
		l.failCalls(err)
	}
}

func (l *ledger) warn(err error) {
	l.at.log.LogAttrs(context.Background(), slog.LevelWarn, "a message of the backend was dropped",
		slog.String("backend", l.at.name), slog.Any("error", err))
}

func (l *ledger) failCall(id uint64, err error) {
	if c := l.find(id); c != nil {
		c.ctx.End(err)
	}
}

func (l *ledger) failCalls(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.calls.list {
		c.ctx.End(err)
	}
}

// spoiltKind is what a message that cannot be used was meant to be.
type spoiltKind uint8

const (
	spoiltUnknown spoiltKind = iota
	spoiltCall               // a request or notification
	spoiltAnswer             // an answer with an id of ours
)

// answerEnd matches an answer with its id behind the result: nothing can follow there but members
// of the envelope.
var answerEnd = regexp.MustCompile(`,\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,16})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$`)

// answerTail is how far from its end the id of an answer is looked for.
const answerTail = 128

// judgeSpoilt reads from the two ends of a message what it was meant to be.
func judgeSpoilt(head, tail []byte) (id uint64, kind spoiltKind) {
	read := json.NewDecoder(bytes.NewReader(head))
	if open, err := read.Token(); err != nil || open != json.Delim('{') {
		return 0, spoiltUnknown
	}
	var raw json.RawMessage
	for {
		name, err := read.Token()
		switch {
		case err != nil:
			return 0, spoiltUnknown
		case name == "method":
			return 0, spoiltCall
		case name == "result" || name == "error":
			return answerID(raw, tail)
		}
		var value json.RawMessage
		if read.Decode(&value) != nil {
			return 0, spoiltUnknown
		}
		if name == "id" {
			raw = value
		}
	}
}

// answerID returns the id of an answer: raw, if it stands before the result, else what the tail shows.
func answerID(raw, tail []byte) (uint64, spoiltKind) {
	if raw == nil {
		found := answerEnd.FindSubmatch(tail[max(0, len(tail)-answerTail):])
		if found == nil {
			return 0, spoiltUnknown
		}
		raw = found[1]
	}
	id, ok := mcp.Uint(raw)
	if !ok {
		return 0, spoiltUnknown
	}
	return id, spoiltAnswer
}
