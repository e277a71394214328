package mcp

import "strings"

// envelope is one pass of [Scan].
type envelope struct {
	scanner
	m       Message
	version Span
	method  Span
}

// The members of the envelope, in the order of the cases of [envelope.member].
var envelopeMembers = [...]member{{"jsonrpc", 0}, {"id", 1}, {"method", 2}, {"params", 3}, {"result", 4}, {"error", 5}}

func (p *envelope) scan() error {
	if p.peek() == '[' {
		return p.fail("a batch where one message was expected")
	}
	if p.peek() != '{' {
		return p.fail("expected an object")
	}
	if err := p.members(envelopeMembers[:], inEnvelope); err != nil {
		return err
	}
	if p.space(); p.i != len(p.b) {
		return p.fail("text after the message")
	}
	return p.judge()
}

// A level is an object whose member names must be unique.
type level uint8

const (
	inEnvelope level = iota
	inParams
	inMeta
)

// members walks an object of a level, takes in the values whose names are known, and passes
// over the others.
func (p *envelope) members(known []member, at level) error {
	var seen names
	for more, err := p.first('}'); more || err != nil; more, err = p.next('}') {
		if err != nil {
			return err
		}
		span, err := p.name()
		if err != nil {
			return err
		}
		name := plainName(p.b[span.Start:span.End])
		if !seen.add(name) {
			return p.failAt(span.Start, "member %q stands twice", name)
		}
		field, found, variant := lookup(known, name)
		if variant != "" {
			return p.failAt(span.Start, "member %q differs from %q by case only", name, variant)
		}
		if found {
			err = p.take(at, field)
		} else {
			_, err = p.value()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *envelope) take(at level, f Field) error {
	switch at {
	case inEnvelope:
		return p.member(f)
	case inParams:
		return p.param(f)
	}
	return p.record(f)
}

func (p *envelope) member(f Field) (err error) {
	m := &p.m
	switch f {
	case 0:
		p.version, err = p.value()
	case 1:
		m.ID, err = p.value()
	case 2:
		p.method, err = p.value()
	case 3:
		m.Params, err = p.params()
	case 4:
		m.Result, err = p.result()
	case 5:
		m.Error, err = p.value()
	}
	return err
}

func (p *envelope) params() (Span, error) {
	switch p.peek() {
	case '{':
	case '[':
		return Span{}, p.fail("params must be an object")
	default:
		span, err := p.value()
		if err == nil {
			err = p.failAt(span.Start, "params must be an object")
		}
		return Span{}, err
	}
	start := p.i
	err := p.members(paramMembers[:], inParams)
	return Span{start, p.i}, err
}

func (p *envelope) param(f Field) (err error) {
	if f == FieldMeta {
		return p.recordMeta(f, paramMetaMembers[:])
	}
	return p.record(f)
}

func (p *envelope) record(f Field) error {
	span, err := p.value()
	p.m.set(f, span)
	return err
}

func (p *envelope) recordMeta(f Field, known []member) error {
	span, err := p.meta(known)
	p.m.set(f, span)
	return err
}

// meta records the members of a _meta object; a _meta that is no object passes as it is.
func (p *envelope) meta(known []member) (Span, error) {
	if p.peek() != '{' {
		return p.value()
	}
	start := p.i
	err := p.members(known, inMeta)
	return Span{start, p.i}, err
}

// result records what is known of a result. A result is a payload: only its routing
// members must be unique.
func (p *envelope) result() (Span, error) {
	if p.peek() != '{' {
		return p.value()
	}
	start := p.i
	for more, err := p.first('}'); more || err != nil; more, err = p.next('}') {
		if err != nil {
			return Span{}, err
		}
		if err = p.resultMember(); err != nil {
			return Span{}, err
		}
	}
	return Span{start, p.i}, nil
}

func (p *envelope) resultMember() error {
	span, err := p.name()
	if err != nil {
		return err
	}
	name := plainName(p.b[span.Start:span.End])
	field, found, _ := lookup(resultMembers[:], name)
	switch {
	case !found:
		_, err = p.value()
	case p.m.Has(field):
		err = p.failAt(span.Start, "member %q stands twice", name)
	case field == FieldResultMeta:
		err = p.recordMeta(field, resultMetaMembers[:])
	default:
		err = p.record(field)
	}
	return err
}

// judge decides what kind of message the members make.
func (p *envelope) judge() error {
	m := &p.m
	if !p.version.Present() || string(m.Bytes(p.version)) != `"2.0"` {
		return p.failAt(0, `member "jsonrpc" must be "2.0"`)
	}
	if err := p.checkID(); err != nil {
		return err
	}
	switch {
	case p.method.Present():
		return p.judgeCall()
	case m.Result.Present() && m.Error.Present():
		return p.failAt(m.Error.Start, "both a result and an error")
	case m.Result.Present():
		m.Kind = Result
		if m.isNullID() {
			return p.failAt(m.ID.Start, "a result needs an id")
		}
	case m.Error.Present():
		m.Kind = Error
		if m.Raw[m.Error.Start] != '{' {
			return p.failAt(m.Error.Start, "the error must be an object")
		}
	default:
		return p.failAt(0, "neither a method nor a result nor an error")
	}
	if m.Kind == Result && !m.ID.Present() {
		return p.failAt(0, "a result needs an id")
	}
	return nil
}

func (p *envelope) judgeCall() error {
	m := &p.m
	method, ok := methodName(m.Bytes(p.method))
	switch {
	case !ok:
		return p.failAt(p.method.Start, "the method must be a string")
	case m.Result.Present() || m.Error.Present():
		return p.failAt(p.method.Start, "a method beside a result or an error")
	case m.isNullID():
		return p.failAt(m.ID.Start, "a request's id must not be null")
	}
	m.Method = method
	m.Kind = Notification
	if m.ID.Present() {
		m.Kind = Request
	}
	return nil
}

func (p *envelope) checkID() error {
	if !p.m.ID.Present() {
		return nil
	}
	c := p.b[p.m.ID.Start]
	if c == '"' || c == '-' || isDigit(c) || c == 'n' {
		return nil
	}
	return p.failAt(p.m.ID.Start, "the id must be a string or a number")
}

func (m *Message) isNullID() bool { return m.ID.Present() && m.Raw[m.ID.Start] == 'n' }

// lookup finds name among the known members, or the known one it is a case variant of.
func lookup(known []member, name []byte) (f Field, found bool, variant string) {
	for i := range known {
		if string(name) == known[i].name {
			return known[i].field, true, ""
		}
	}
	for i := range known {
		if foldEqual(name, known[i].name) {
			return 0, false, known[i].name
		}
	}
	return 0, false, ""
}

// foldEqual is strings.EqualFold with the lengths compared first: a fold that changes the length
// (the Kelvin sign, the long s) makes the text longer, by at most two bytes a character.
func foldEqual(name []byte, known string) bool {
	if len(name) < len(known) || len(name) > 3*len(known) {
		return false
	}
	if len(name) == len(known) && name[0]|0x20 != known[0]|0x20 {
		return false
	}
	return strings.EqualFold(string(name), known)
}

// plainName returns a member's name without quotes and escapes.
func plainName(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	for _, c := range inner {
		if c == '\\' {
			text, _ := Unquote(quoted)
			return []byte(text)
		}
	}
	return inner
}

// names is a set of member names: a few in place, more in a map.
type names struct {
	few  [12][]byte
	n    int
	many map[string]struct{}
}

// add reports whether name is new.
func (s *names) add(name []byte) bool {
	for _, have := range s.few[:s.n] {
		if string(have) == string(name) {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return true
	}
	if s.many == nil {
		s.many = make(map[string]struct{})
	}
	if _, have := s.many[string(name)]; have {
		return false
	}
	s.many[string(name)] = struct{}{}
	return true
}
