package mcp

import (
	"bytes"
	"fmt"
	"math"
)

const (
	maxShown  = 1 << 20 // how much a walk notes of the resources shown, in bytes
	maxMember = 128     // longer than any member of a result that counts can be spelt
	maxScalar = 32      // longer than the version, and than any id of ours

	wrongVersion = `member "jsonrpc" must be "2.0"`
)

// place is what a value in the message of a result is to a walk.
type place uint8

const (
	payload place = iota
	ofEnvelope
	ofVersion
	ofID
	ofParams
	ofParamsMeta
	ofResult
	ofResultType
	ofResultMeta
	ofContent // of the result
	ofItem    // of the content
	ofItemURI
	ofResource // of an item
	ofResourceURI
	ofTask // of the result
	ofTaskID
	ofOwnTaskID // of the result itself

	placeCount
)

// begins is what the value of a place begins with if its members or elements count.
var begins = [placeCount]byte{
	ofEnvelope: '{', ofParams: '{', ofParamsMeta: '{', ofResult: '{', ofResultMeta: '{',
	ofContent: '[', ofItem: '{', ofResource: '{', ofTask: '{',
}

// refusal says why the value of a place must not begin with c, which stands for itself or for a string, number or word
// if it is 0.
func (p place) refusal(c byte) string {
	switch {
	case p == ofEnvelope && c == '[':
		return "a batch where one message was expected"
	case p == ofEnvelope && c != '{':
		return "expected an object"
	case p == ofParams && c != '{':
		return "params must be an object"
	case p == ofVersion && c != 0:
		return wrongVersion
	case p == ofID && c != 0:
		return "the id must be a string or a number"
	}
	return ""
}

// member returns the place of a member of an object.
func (p place) member(name string) place {
	switch p {
	case ofEnvelope:
		switch name {
		case "jsonrpc":
			return ofVersion
		case "id":
			return ofID
		case "params":
			return ofParams
		case "result":
			return ofResult
		}
	case ofResult:
		switch name {
		case "resultType":
			return ofResultType
		case "_meta":
			return ofResultMeta
		case "content":
			return ofContent
		case "task":
			return ofTask
		case "taskId":
			return ofOwnTaskID
		}
	case ofItem:
		switch name {
		case "uri":
			return ofItemURI
		case "resource":
			return ofResource
		}
	case ofParams:
		if name == "_meta" {
			return ofParamsMeta
		}
	case ofResource:
		if name == "uri" {
			return ofResourceURI
		}
	case ofTask:
		if name == "taskId" {
			return ofTaskID
		}
	}
	return payload
}

// walk knows where a flow is in the message of a result, which members must be unique there, and what is to be
// noted. What it returns as a reason is why the message is wrong; empty if it is not.
type walk struct {
	value  place            // of the value that comes next
	open   [6]place         // of the objects and arrays around, by depth
	had    [placeCount]bool // what was there of the envelope
	unique [3]names         // the members of the envelope, of params, and of a _meta
	known  [fieldCount]bool // the members of the result and its _meta that were there
	empty  bool             // nothing was there yet of the object or array that is open

	shown            []string // URIs of resources
	room             int      // how much of maxShown they take
	uri, resourceURI noted    // of the present item
	task, ownTask    noted
	kind             noted
}

// noted is a member that was there. Its value is nil if it is no string or too long.
type noted struct {
	there bool
	raw   []byte
}

// next is called when a value is over or has been entered. It returns how much to keep of the next token.
func (w *walk) next(depth int) (keep int) {
	w.value = payload
	switch w.open[depth] {
	case ofContent:
		w.value = ofItem
	case ofEnvelope, ofParams, ofParamsMeta, ofResultMeta:
		return math.MaxInt // all names count
	case ofResult, ofItem, ofResource, ofTask:
		return maxMember
	}
	return 0
}

// keep returns how much to keep of a scalar in the present place.
func (w *walk) keep() int {
	switch w.value {
	case ofVersion, ofID, ofResultType:
		return maxScalar
	case ofItemURI, ofResourceURI, ofTaskID, ofOwnTaskID:
		return maxShown - w.room
	}
	return 0
}

// enter takes the beginning of an object or array, and reports whether what is in it counts.
func (w *walk) enter(depth int, c byte) bool {
	if begins[w.value] != c {
		return false
	}
	switch w.value {
	case ofItem:
		w.uri, w.resourceURI = noted{}, noted{}
	case ofParamsMeta, ofResultMeta:
		w.unique[2] = names{}
	}
	w.open[depth], w.empty = w.value, true
	return true
}

// leave takes the end of what was entered.
func (w *walk) leave(depth int) {
	w.empty = false
	if w.open[depth] != ofItem {
		return
	}
	raw := w.resourceURI.raw
	if w.uri.there {
		raw = w.uri.raw
	}
	if raw == nil {
		return
	}
	if uri, ok := Unquote(raw); ok {
		w.shown = append(w.shown, uri)
		w.room += len(uri)
	}
}

// scalar takes a string, number or word.
func (w *walk) scalar(token []byte, id string) (reason string) {
	switch w.value {
	case ofVersion:
		if string(token) != `"2.0"` {
			return wrongVersion
		}
	case ofID:
		if string(token) != id {
			return "the id of another request"
		}
	case ofItemURI:
		w.uri.raw = w.note(token)
	case ofResourceURI:
		w.resourceURI.raw = w.note(token)
	case ofTaskID:
		w.task.raw = w.note(token)
	case ofOwnTaskID:
		w.ownTask.raw = w.note(token)
	case ofResultType:
		w.kind.raw = w.note(token)
	}
	return w.value.refusal(0)
}

func (w *walk) note(token []byte) []byte {
	if len(token) >= w.keep() {
		return nil
	}
	return bytes.Clone(token)
}

// member takes the name of a member, with its quotes.
func (w *walk) member(depth int, token []byte) (reason string) {
	name, object := plainName(token), w.open[depth]
	w.empty = false
	if reason := w.admit(object, name); reason != "" {
		return reason
	}
	switch w.value = object.member(string(name)); w.value {
	case ofContent:
		w.shown = nil
	case ofItemURI:
		w.uri = noted{there: true}
	case ofResource:
		w.resourceURI = noted{}
	case ofResourceURI:
		w.resourceURI = noted{there: true}
	case ofTask:
		w.task = noted{}
	case ofTaskID:
		w.task = noted{there: true}
	case ofOwnTaskID:
		w.ownTask = noted{there: true}
	case ofResultType:
		w.kind = noted{there: true}
	default:
		w.had[w.value] = true
	}
	return ""
}

// has reports whether a member of the result or its _meta was there.
func (w *walk) has(f Field) bool { return w.known[f] }

// admit refuses a member where [Scan] does.
func (w *walk) admit(object place, name []byte) (reason string) {
	switch object {
	case ofEnvelope:
		switch string(name) {
		case "method", "error":
			return fmt.Sprintf("member %q in the message of a result", name)
		}
		return admit(&w.unique[0], envelopeMembers[:], name)
	case ofParams:
		return admit(&w.unique[1], paramMembers[:], name)
	case ofParamsMeta:
		return admit(&w.unique[2], paramMetaMembers[:], name)
	case ofResultMeta:
		if string(name) == MetaServerInfo {
			w.known[FieldResultServerInfo] = true
		}
		return admit(&w.unique[2], resultMetaMembers[:], name)
	case ofResult:
		if field, found, _ := lookup(resultMembers[:], name); found {
			if w.known[field] {
				return fmt.Sprintf("member %q stands twice", name)
			}
			w.known[field] = true
		}
	}
	return ""
}

func admit(seen *names, known []member, name []byte) (reason string) {
	if !seen.add(bytes.Clone(name)) {
		return fmt.Sprintf("member %q stands twice", name)
	}
	if _, _, variant := lookup(known, name); variant != "" {
		return fmt.Sprintf("member %q differs from %q by case only", name, variant)
	}
	return ""
}
