package mcp

// ClientMeta is what a modern request says of its client. The byte slices hold raw JSON.
type ClientMeta struct {
	Version      string
	Capabilities []byte // an object; nil becomes {}
	Info         []byte // an object; nil leaves it out
	LogLevel     string // "" leaves it out
}

// Relabel says what happens to the modern keys of a request's _meta.
type Relabel uint8

// What to do with the modern keys.
const (
	KeepLabels  Relabel = iota // same era: nothing
	StripLabels                // towards a legacy backend
	SetLabels                  // towards a modern backend
)

// RequestRewrite is all that may change in a request on its way to a backend.
type RequestRewrite struct {
	ID      uint64     // our id
	Name    string     // replaces params.name; "" keeps
	RefName string     // replaces params.ref.name; "" keeps
	Relabel Relabel    // what happens to the modern keys of _meta
	Meta    ClientMeta // for SetLabels
	More    []byte     // members to add to params, which must not be empty, raw; may be nil
}

// RewriteRequest appends the request or notification m with r applied to dst. The progress token, where
// there is one, becomes our id.
func (m *Message) RewriteRequest(dst []byte, r RequestRewrite) []byte {
	var edits [5]Edit // the zero one changes nothing
	var texts [128]byte
	id := AppendUint(texts[:0], r.ID)
	if m.ID.Present() {
		edits[0] = Edit{m.ID, id}
	}
	if r.Name != "" && m.Has(FieldName) {
		edits[1] = Edit{m.At(FieldName), Quote(id[len(id):], r.Name)}
	}
	if ref := m.At(FieldRef); r.RefName != "" && m.isObject(ref) {
		if name := memberOf(m.Raw, ref, "name"); name.Present() {
			edits[2] = Edit{name, Quote(nil, r.RefName)}
		}
	}
	if r.More != nil {
		edits[3] = m.Insert(m.Params, r.More)
	}
	switch {
	case r.Relabel != KeepLabels:
		edits[4] = m.relabel(r)
	case m.Has(FieldMetaToken):
		edits[4] = Edit{m.At(FieldMetaToken), id}
	}
	return Splice(dst, m.Raw, edits[:])
}

// relabel changes the modern keys of _meta, and the token in it. The zero edit changes nothing.
func (m *Message) relabel(r RequestRewrite) Edit {
	meta, labels := m.At(FieldMeta), r.labels()
	if m.isObject(meta) {
		return Edit{meta, m.rebuildMeta(labels, AppendUint(nil, r.ID))}
	}
	if len(labels) == 0 {
		return Edit{}
	}
	object := append(append([]byte(`"_meta":{`), labels...), '}')
	switch {
	case meta.Present(): // not an object: replaced, a modern backend could not read it
		return Edit{meta, object[len(`"_meta":`):]}
	case m.Params.Present():
		return m.Insert(m.Params, object)
	default:
		params := append(append([]byte(`"params":{`), object...), '}')
		return m.Insert(m.envelope(), params)
	}
}

// labels returns the members to put into _meta, without braces.
func (r RequestRewrite) labels() []byte {
	if r.Relabel != SetLabels {
		return nil
	}
	b := Quote([]byte(`"`+MetaVersion+`":`), r.Meta.Version)
	b = append(b, `,"`+MetaCapabilities+`":`...)
	b = append(b, orEmptyObject(r.Meta.Capabilities)...)
	if r.Meta.Info != nil {
		b = append(append(b, `,"`+MetaClientInfo+`":`...), r.Meta.Info...)
	}
	if r.Meta.LogLevel != "" {
		b = Quote(append(b, `,"`+MetaLogLevel+`":`...), r.Meta.LogLevel)
	}
	return b
}

func orEmptyObject(raw []byte) []byte {
	if raw == nil {
		return []byte("{}")
	}
	return raw
}

// rebuildMeta returns params._meta with the labels first, without the modern keys it
// had and with the token replaced.
func (m *Message) rebuildMeta(labels, token []byte) []byte {
	out := append([]byte{'{'}, labels...)
	s := scanner{b: m.Raw, i: m.At(FieldMeta).Start}
	for more, _ := s.first('}'); more; more, _ = s.next('}') {
		name, _ := s.name() // the object was scanned before
		value, _ := s.value()
		field, found, _ := lookup(paramMetaMembers[:], plainName(m.Bytes(name)))
		text := m.Bytes(value)
		switch {
		case found && field == FieldMetaToken:
			text = token
		case found:
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, m.Bytes(name)...), ':')
		out = append(out, text...)
	}
	return append(out, '}')
}

// envelope returns the span of the whole message's object.
func (m *Message) envelope() Span {
	s := scanner{b: m.Raw}
	s.space()
	return Span{s.i, len(m.Raw)}
}

const resultComplete = "complete"

// ResultRewrite is all that may change in an answer on its way to a client.
type ResultRewrite struct {
	ID         []byte // the client's id, raw
	Modernize  bool   // add what a modern result needs and a legacy one lacks
	Method     string // of the request, for Modernize
	ServerInfo []byte // raw, for Modernize; nil leaves it out
	Complete   bool   // for a Relay: a modern result that is not complete must not pass
}

// RewriteResult appends the answer m with r applied to dst.
func (m *Message) RewriteResult(dst []byte, r ResultRewrite) []byte {
	var room [6]Edit
	edits := append(room[:0], m.renumber(r.ID))
	if r.Modernize && m.Kind == Result && m.isObject(m.Result) {
		edits = m.modernEdits(edits, r)
	}
	if r.Modernize && m.Kind == Error {
		edits = m.modernError(edits)
	}
	return Splice(dst, m.Raw, edits)
}

// renumber gives an answer an id. An error may have had none.
func (m *Message) renumber(id []byte) Edit {
	if m.ID.Present() {
		return Edit{m.ID, id}
	}
	return m.Insert(m.envelope(), append([]byte(`"id":`), id...))
}

// WithID returns the answer m with another id, as [Message.RewriteResult] does, in the memory of m where that has the room. m must not
// be used any more.
func (m *Message) WithID(id []byte) []byte {
	raw, at := m.Raw, m.ID
	more := len(id) - (at.End - at.Start)
	switch {
	case !at.Present(), len(raw)+more > cap(raw):
		return Splice(nil, raw, []Edit{m.renumber(id)})
	case more <= 0 && at.Start < len(raw)/2: // nearly always: what stands before the id is short
		copy(raw[-more:], raw[:at.Start])
		raw = raw[-more:]
	default:
		raw = raw[:len(raw)+more]
		copy(raw[at.Start+len(id):], m.Raw[at.End:])
	}
	copy(raw[at.Start:], id)
	return raw
}

func (m *Message) modernEdits(edits []Edit, r ResultRewrite) []Edit {
	if meta := m.At(FieldResultMeta); m.isObject(meta) {
		if add := r.missingMeta(m.Has); add != nil {
			edits = append(edits, m.Insert(meta, add[1:]))
		}
	}
	if add := r.missing(m.Has); add != nil {
		edits = append(edits, m.Insert(m.Result, add[1:]))
	}
	return edits
}

// missing returns what a result that has some members lacks to be a modern one, as members with a comma before each.
func (r ResultRewrite) missing(has func(Field) bool) (add []byte) {
	if !has(FieldResultType) {
		add = append(add, `,"resultType":"`+resultComplete+`"`...)
	}
	if MethodOf(r.Method).Cacheable {
		if !has(FieldResultTTL) {
			add = append(add, `,"ttlMs":0`...)
		}
		if !has(FieldResultScope) {
			add = append(add, `,"cacheScope":"private"`...)
		}
	}
	if r.ServerInfo != nil && !has(FieldResultMeta) {
		add = append(add, `,"_meta":{`...)
		add = append(append(add, r.missingMeta(has)[1:]...), '}')
	}
	return add
}

// missingMeta does the same for a _meta.
func (r ResultRewrite) missingMeta(has func(Field) bool) (add []byte) {
	if r.ServerInfo == nil || has(FieldResultServerInfo) {
		return nil
	}
	return append([]byte(`,"`+MetaServerInfo+`":`), r.ServerInfo...)
}

// modernError changes the one legacy code that a modern client must not see.
func (m *Message) modernError(edits []Edit) []Edit {
	code := m.errorMember("code")
	if string(m.Bytes(code)) == "-32002" {
		edits = append(edits, Edit{code, []byte("-32602")})
	}
	return edits
}

// errorMember returns where a member of the error object lies; the last one
// counts if it stands twice.
func (m *Message) errorMember(wanted string) (found Span) {
	return memberOf(m.Raw, m.Error, wanted)
}

// ErrorCode returns the code of an answer of kind Error; 0 if it has none that is an integer.
func (m *Message) ErrorCode() int { return atoi(m.Bytes(m.errorMember("code"))) }

// ErrorMessage returns the message of an answer of kind Error.
func (m *Message) ErrorMessage() string {
	text, _ := Unquote(m.Bytes(m.errorMember("message")))
	return text
}

// ErrorData returns the raw data of an answer of kind Error, nil if there is none.
func (m *Message) ErrorData() []byte {
	span := m.errorMember("data")
	if !span.Present() {
		return nil
	}
	return m.Bytes(span)
}

// Member returns the raw value of a member of the JSON object raw, which must have been
// scanned before; nil if it is absent or raw is no object.
func Member(raw []byte, name string) []byte {
	span := memberOf(raw, Span{0, len(raw)}, name)
	if !span.Present() {
		return nil
	}
	return raw[span.Start:span.End]
}

func memberOf(raw []byte, object Span, wanted string) (found Span) {
	s := scanner{b: raw[:object.End], i: object.Start}
	if s.peek() != '{' {
		return Span{}
	}
	for more, err := s.first('}'); more && err == nil; more, err = s.next('}') {
		name, err := s.name()
		if err != nil {
			return found
		}
		value, err := s.value()
		if err != nil {
			return found
		}
		if string(plainName(raw[name.Start:name.End])) == wanted {
			found = value
		}
	}
	return found
}

func atoi(raw []byte) int {
	sign, n := 1, 0
	for i, c := range raw {
		switch {
		case i == 0 && c == '-':
			sign = -1
		case isDigit(c) && n < 1<<40:
			n = n*10 + int(c-'0')
		default:
			return 0
		}
	}
	return sign * n
}

// Retag appends the notification m to dst with another subscription id: a raw one, or none if tag is
// nil. The other modern keys of its _meta go.
func (m *Message) Retag(dst, tag []byte) []byte {
	var labels []byte
	if tag != nil {
		labels = append([]byte(`"`+MetaSubscription+`":`), tag...)
	}
	meta := m.At(FieldMeta)
	var edits []Edit
	switch {
	case m.isObject(meta) && m.isLabelled():
		edits = append(edits, Edit{meta, m.rebuildMeta(labels, m.Value(FieldMetaToken))})
	case labels == nil:
	case m.isObject(meta):
		edits = append(edits, m.Insert(meta, labels))
	case m.Params.Present() && !meta.Present():
		edits = append(edits, m.Insert(m.Params, append(append([]byte(`"_meta":{`), labels...), '}')))
	case !m.Params.Present():
		edits = append(edits, m.Insert(m.envelope(), append(append([]byte(`"params":{"_meta":{`), labels...), '}', '}')))
	}
	return Splice(dst, m.Raw, edits)
}

// isLabelled reports whether params._meta holds a key of the modern era.
func (m *Message) isLabelled() bool {
	for f := FieldMetaVersion; f <= FieldMetaSubscription; f++ {
		if m.Has(f) {
			return true
		}
	}
	return false
}
