package mcp

import (
	"errors"
	"io"
	"unicode/utf8"
)

// A Relay passes on one result, rewritten, while it comes. It holds the message to all that [Scan] does, wherever the
// pieces are cut: what Scan would refuse, or find to be anything but the result of the given id, fails, at the latest in
// Close. By then a part may have been passed on. Nothing is kept of the result but what [Relay.Resources] and
// [Relay.Task] tell.
type Relay struct {
	to   io.WriteCloser
	ours string // the id that the message must have
	how  ResultRewrite
	err  error // why nothing passes any more

	flow
	split  [utf8.UTFMax]byte // the beginning of a character that lies in two pieces
	halved int               // how many bytes that is
	edits  []Edit            // of the piece, in order
	room   [3]Edit           // for as many as there can be

	walk walk
}

// NewRelay returns a relay of the result of request ours. It does what [Message.RewriteResult] does, but for members that are added:
// these stand last in their objects. Between eras the result must not be a task, which the client would know in another
// form. What has been checked is written to the writer, which is closed when the message was whole and right.
func NewRelay(to io.WriteCloser, ours uint64, how ResultRewrite) *Relay {
	return &Relay{to: to, ours: string(AppendUint(nil, ours)), how: how, walk: walk{value: ofEnvelope}}
}

// Write implements io.Writer. After an error it takes nothing any more.
func (r *Relay) Write(p []byte) (int, error) {
	if r.err == nil {
		r.err = r.check(p)
	}
	if r.err == nil {
		r.err = r.pass(p)
	}
	if r.err != nil {
		return 0, r.err
	}
	r.before += len(p)
	return len(p), nil
}

// Close says that nothing more comes. It returns why the message was wrong, or not whole.
func (r *Relay) Close() error {
	if r.err == nil {
		r.err = r.judge()
	}
	if r.err != nil {
		return r.err
	}
	return r.to.Close()
}

func (r *Relay) judge() error {
	switch {
	case r.state != wantNothing:
		return r.failAt(0, endsEarly)
	case !r.walk.had[ofVersion]:
		return r.failAt(0, wrongVersion)
	case !r.walk.had[ofID] || !r.walk.had[ofResult]:
		return r.failAt(0, "not a result with an id")
	}
	return nil
}

// pass writes a piece, edited.
func (r *Relay) pass(p []byte) error {
	at := 0
	for _, e := range r.edits {
		if err := r.write(p[at:e.At.Start]); err != nil {
			return err
		}
		if err := r.write(e.Text); err != nil {
			return err
		}
		at = e.At.End
	}
	return r.write(p[at:])
}

func (r *Relay) write(part []byte) error {
	if len(part) == 0 {
		return nil
	}
	_, err := r.to.Write(part)
	return err
}

// check walks over a piece.
func (r *Relay) check(p []byte) error {
	if !r.characters(p) {
		return r.failAt(firstInvalid(p), "invalid UTF-8")
	}
	r.edits, r.start, r.falls = r.room[:0], 0, 0
	for i := 0; i < len(p); {
		end, came, err := r.next(p, i)
		if err == nil {
			err = r.take(came, p, end)
		}
		if err != nil {
			return err
		}
		i = end
	}
	if r.walk.value == ofID && r.state >= inText {
		r.edits = append(r.edits, Edit{At: Span{r.start, len(p)}})
	}
	return nil
}

// characters checks the UTF-8 of a piece.
func (r *Relay) characters(p []byte) bool {
	for r.halved > 0 && len(p) > 0 {
		r.split[r.halved], p = p[0], p[1:]
		r.halved++
		if whole := r.split[:r.halved]; utf8.FullRune(whole) {
			if !utf8.Valid(whole) {
				return false
			}
			r.halved = 0
		}
	}
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		tail := p[len(p)-n:]
		if utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				r.halved = copy(r.split[:], tail)
				p = p[:len(p)-n]
			}
			break
		}
	}
	return utf8.Valid(p)
}

// take does what an event asks for that ends at end of a piece.
func (r *Relay) take(came event, p []byte, end int) error {
	if came == pieceEnd {
		return nil
	}
	w, reason := &r.walk, ""
	r.skip = false
	switch came {
	case nameEnd:
		reason = w.member(r.depth, r.token)
		r.keep, r.skip = w.keep(), w.value == payload
	case opened:
		reason = w.value.refusal(p[end-1])
		if w.enter(r.depth, p[end-1]) {
			r.keep = w.next(r.depth)
		} else {
			r.deaf = r.depth
		}
	case scalarEnd:
		if w.value == ofID {
			r.edits = append(r.edits, Edit{Span{r.start, end}, r.how.ID})
		}
		reason = w.scalar(r.token, r.ours)
		r.keep = w.next(r.depth)
	case closed:
		if r.deaf == 0 {
			reason = r.leaveObject(end - 1)
		}
		r.deaf = 0
		r.keep = w.next(r.depth)
	}
	if reason != "" {
		return r.failAt(max(end-1, 0), reason)
	}
	return nil
}

// leaveObject takes the end, which stands at that place, of an object or array whose members count.
func (r *Relay) leaveObject(at int) (reason string) {
	w := &r.walk
	left := w.open[r.depth+1]
	if left == ofResult {
		reason = r.judgeResult()
	}
	if add := r.missing(left); len(add) > 0 {
		if w.empty {
			add = add[1:]
		}
		r.edits = append(r.edits, Edit{Span{at, at}, add})
	}
	w.leave(r.depth + 1)
	return reason
}

// missing returns what is to be added to an object.
func (r *Relay) missing(in place) []byte {
	switch {
	case !r.how.Modernize:
		return nil
	case in == ofResult:
		return r.how.missing(r.walk.has)
	case in == ofResultMeta:
		return r.how.missingMeta(r.walk.has)
	}
	return nil
}

// judgeResult returns why a result must not pass between eras, if it must not.
func (r *Relay) judgeResult() (reason string) {
	w := &r.walk
	kind, _ := Unquote(w.kind.raw)
	switch {
	case !r.how.Modernize && !r.how.Complete:
	case kind == "task" || !w.kind.there && w.task.there:
		return "a task, which clients of another protocol era cannot follow"
	case r.how.Complete && w.kind.there && kind != resultComplete:
		return "a result that is not complete with content in it"
	}
	return ""
}

// Resources returns the URIs of the resources that the content of the result shows, up to a mebibyte of them.
func (r *Relay) Resources() []string { return r.walk.shown }

// Task returns the id of the task that the result has begun; ok is false if there is none.
func (r *Relay) Task() (id string, ok bool) {
	if r.walk.task.there {
		return Unquote(r.walk.task.raw)
	}
	return Unquote(r.walk.ownTask.raw)
}

// BeginsResult reports whether head, the beginning of a message, is that of a result which may be the one of request
// ours: a whole id before the result is the right one.
func BeginsResult(head []byte, ours uint64) bool {
	s := scanner{b: head}
	return s.findResult(ours)
}

// BeginsComplete is BeginsResult for a modern result that is complete: it says so, or what is so long in it that head ends there
// is what only complete results have.
func BeginsComplete(head []byte, ours uint64) bool {
	s := scanner{b: head}
	if !s.findResult(ours) || s.peek() != '{' {
		return false
	}
	for more, err := s.first('}'); more && err == nil; more, err = s.next('}') {
		at, err := s.name()
		if err != nil {
			return false
		}
		name := string(plainName(head[at.Start:at.End]))
		value, err := s.value()
		if err != nil {
			syntax, _ := errors.AsType[*SyntaxError](err)
			return syntax != nil && syntax.Reason == endsEarly && isContent(name)
		}
		if name == "resultType" {
			kind, _ := Unquote(head[value.Start:value.End])
			return kind == resultComplete
		}
	}
	return false
}

// isContent reports whether a member holds what a tool, resource or prompt gives.
func isContent(name string) bool {
	switch name {
	case "content", "structuredContent", "contents", "messages":
		return true
	}
	return false
}

// findResult goes to the value of the result of a message, if that may answer request ours.
func (s *scanner) findResult(ours uint64) bool {
	if s.peek() != '{' {
		return false
	}
	for more, err := s.first('}'); more && err == nil; more, err = s.next('}') {
		at, err := s.name()
		if err != nil {
			return false
		}
		name := string(plainName(s.b[at.Start:at.End]))
		if name == "result" {
			return true
		}
		value, err := s.value()
		if err != nil || name == "method" || name == "error" {
			return false
		}
		if id, ok := Uint(s.b[value.Start:value.End]); name == "id" && (!ok || id != ours) {
			return false
		}
	}
	return false
}
