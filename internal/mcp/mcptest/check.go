package mcptest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"onemcp/internal/mcp"
	"onemcp/internal/trace"
)

// conversation is what must be known of earlier messages to judge the later ones.
type conversation struct {
	*schemas
	excuses  []Excuse
	asked    map[question]asked
	versions map[wire]string // of sessions and connections
	labels   map[wire]string // the last that a request has said of itself
}

// wire is one connection, or one HTTP request.
type wire struct {
	side             trace.Side
	backend, session string
	process          int
	request          string
}

// question is a request by what tells it from others.
type question struct {
	on wire
	by trace.Direction
	id string
}

type asked struct {
	method, version string
	task            bool // as which the answer may come
}

func newConversation(s *schemas, excuses []Excuse) *conversation {
	return &conversation{schemas: s, excuses: excuses, asked: map[question]asked{}, versions: map[wire]string{}, labels: map[wire]string{}}
}

// anywhere returns on and, for a backend, the backend as a whole: the gateway's own ids are unique there, and the session
// of an initialize is known at its answer only.
func anywhere(e trace.Event, on []wire) []wire {
	if e.Side == trace.Client {
		return on
	}
	return append(on, wire{side: e.Side, backend: e.Backend})
}

// wires returns where an event belongs to: its HTTP request, and its session or connection.
func wires(e trace.Event) []wire {
	if e.Side == trace.Backend {
		return []wire{{side: e.Side, backend: e.Backend, session: e.Session, process: e.Process}}
	}
	var out []wire
	if e.Request != "" {
		out = append(out, wire{side: e.Side, request: e.Request})
	}
	if e.Session != "" || e.Request == "" {
		out = append(out, wire{side: e.Side, session: e.Session})
	}
	return out
}

// take judges the messages of an event that were sent, and learns from all.
func (c *conversation) take(e trace.Event) (wrong []error) {
	text := bytes.TrimSpace(e.Message)
	all := [][]byte{text}
	if bytes.HasPrefix(text, []byte("[")) && mcp.Valid(text) {
		all = mcp.Elements(text)
	}
	for _, one := range all {
		m, err := mcp.Scan(one)
		switch {
		case err == nil:
			if err = c.message(e, &m); err != nil && e.Direction == trace.Sent {
				wrong = append(wrong, describe(e, one, err))
			}
		case e.Direction == trace.Sent:
			wrong = append(wrong, describe(e, one, err))
		}
	}
	return wrong
}

func describe(e trace.Event, msg []byte, err error) error {
	const most = 2000
	if len(msg) > most {
		msg = append(bytes.Clone(msg[:most]), "…"...)
	}
	return fmt.Errorf("sent to a %s (%s%s), version %q:\n%s\n%w", e.Side, e.Transport, " "+e.Backend, e.Version, msg, err)
}

func (c *conversation) message(e trace.Event, m *mcp.Message) error {
	on := wires(e)
	switch m.Kind {
	case mcp.Request, mcp.Notification:
		version := c.versionOf(e, on, m)
		if m.Has(mcp.FieldMetaVersion) {
			c.labels[on[0]] = version
		}
		if m.Kind == mcp.Request {
			c.ask(e, on, string(m.IDBytes()), asked{m.Method, version, mcp.Member(m.Bytes(m.Params), "task") != nil})
		}
		return c.call(e, m, version)
	}
	a := c.find(e, on, string(m.IDBytes()))
	if a.method == mcp.MethodInitialize && m.Kind == mcp.Result {
		a.version = c.learn(on, m)
	}
	if e.Direction == trace.Received {
		return nil
	}
	if a.version == "" {
		a.version = c.versionOf(e, on, m)
	}
	return c.answer(m, a)
}

func (c *conversation) ask(e trace.Event, on []wire, id string, a asked) {
	for _, w := range anywhere(e, on) {
		c.asked[question{w, e.Direction, id}] = a
	}
}

// find returns the request that is answered; none is known for an answer to what could not be read.
func (c *conversation) find(e trace.Event, on []wire, id string) asked {
	by := trace.Received
	if e.Direction == trace.Received {
		by = trace.Sent
	}
	for _, w := range anywhere(e, on) {
		if a, ok := c.asked[question{w, by, id}]; ok {
			return a
		}
	}
	return asked{}
}

// learn takes note of the version that an initialize has settled.
func (c *conversation) learn(on []wire, m *mcp.Message) (version string) {
	version, _ = mcp.Unquote(mcp.Member(m.Bytes(m.Result), "protocolVersion"))
	for _, w := range on {
		c.versions[w] = version
	}
	return version
}

// versionOf returns the version that a message is in, "" if nothing says so.
func (c *conversation) versionOf(e trace.Event, on []wire, m *mcp.Message) string {
	if m.Method == mcp.MethodInitialize {
		version, _ := m.Text(mcp.FieldProtocolVersion)
		return version
	}
	if version, ok := m.Text(mcp.FieldMetaVersion); ok {
		return version
	}
	for _, w := range on {
		if version := c.versions[w]; version != "" {
			return version
		}
	}
	if e.Version == "" && m.Kind == mcp.Notification {
		return c.labels[on[0]] // it belongs to a request, and does not say so over stdio
	}
	return e.Version
}

// call judges a request or notification.
func (c *conversation) call(e trace.Event, m *mcp.Message, version string) error {
	if e.Direction == trace.Received {
		return nil
	}
	s := c.of[version]
	if s == nil {
		return fmt.Errorf("%s in no version", m.Method)
	}
	union := unionOf(e.Side, m.Kind)
	known := c.known[m.Method] && !s.extends(m.Method)
	if known = known && !c.excusedAt("/method/"); known && !s.members[union][m.Method] {
		return fmt.Errorf("%s is no %s of version %s", m.Method, union, version)
	}
	v, err := decode(m)
	if err != nil || !known { // somebody's extension
		return errors.Join(err, c.validate(s.envelope(m.Kind), v, ""))
	}
	return errors.Join(c.validate(s.envelope(m.Kind), v, ""), c.validate(s.defs[s.methods[m.Method]], v, ""))
}

// unionOf returns the definition of all that the gateway may say to a side.
func unionOf(to trace.Side, k mcp.Kind) string {
	name := "Client"
	if to == trace.Client {
		name = "Server"
	}
	if k == mcp.Request {
		return name + "Request"
	}
	return name + "Notification"
}

// answer judges the answer to a request.
func (c *conversation) answer(m *mcp.Message, a asked) error {
	s := c.of[a.version]
	if s == nil {
		s = c.of[mcp.LatestLegacy] // the request was refused over its version, or could not be read
	}
	v, err := decode(m)
	switch {
	case err != nil:
		return err
	case m.Kind == mcp.Error && m.IDBytes() == nil:
		// The old schemas want an id, and their transports that there is none.
		return c.validate(c.of[mcp.LatestLegacy].envelope(m.Kind), v, "")
	case m.Kind == mcp.Error:
		return errors.Join(c.validate(s.envelope(m.Kind), v, ""), c.failure(s, m, v))
	}
	return errors.Join(c.validate(s.envelope(m.Kind), v, ""), c.result(s, m, v, a))
}

// failure judges what the code of an error asks for.
func (c *conversation) failure(s *schema, m *mcp.Message, v map[string]any) error {
	if d := s.errorOf(m.ErrorCode()); d != nil {
		return c.validate(d, v, "")
	}
	return nil
}

// result judges a result by the method of its request.
func (c *conversation) result(s *schema, m *mcp.Message, v map[string]any, a asked) error {
	kind, _ := m.Text(mcp.FieldResultType)
	members, _ := v["result"].(map[string]any)
	if d := s.result(a.method, kind, a.task && members["task"] != nil); d != nil {
		return c.validate(d, v["result"], "/result")
	}
	return nil
}

// decode returns the members of a message.
func decode(m *mcp.Message) (map[string]any, error) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(m.Raw))
	members, _ := v.(map[string]any)
	return members, err
}

// validate holds the value at a place of a message against a definition.
func (c *conversation) validate(d *jsonschema.Schema, v any, at string) error {
	if d == nil {
		return errors.New("the schema lacks a definition for this")
	}
	err := d.Validate(v)
	if wrong, ok := errors.AsType[*jsonschema.ValidationError](err); ok && c.excused(wrong, at) {
		return nil
	}
	return err
}

// excused reports whether all that is wrong lies where it may.
func (c *conversation) excused(e *jsonschema.ValidationError, at string) bool {
	for _, cause := range e.Causes {
		if !c.excused(cause, at) {
			return false
		}
	}
	return len(e.Causes) > 0 || c.excusedAt(at+"/"+strings.Join(e.InstanceLocation, "/")+"/")
}

func (c *conversation) excusedAt(place string) bool {
	place = strings.ReplaceAll(place, "//", "/")
	return slices.ContainsFunc(c.excuses, func(x Excuse) bool {
		return x.Why != "" && strings.HasPrefix(place, x.At+"/")
	})
}
