package gateway

import (
	"context"
	"slices"
	"strings"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

var errNoListener = fault.New(fault.NotFound, "the session has ended").WithHint("initialize again")

// mergedCapabilities are declared always: a legacy session's cannot grow later, when a backend comes.
const mergedCapabilities = `{"tools":{"listChanged":true},"prompts":{"listChanged":true},` +
	`"resources":{"listChanged":true,"subscribe":true},"completions":{},"logging":{}`

// Tasks are declared always, too, in the form of the client's version, although perhaps no backend of its era has any: which
// tools run as tasks is said by each tool (a legacy client must not call another one so, and is refused), or by
// the answer (a modern server decides call by call).
const (
	legacyTasks = `,"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}`
	modernTasks = `,"extensions":{"` + tasksExtension + `":{}}`
)

// mergedCapabilities returns what the merged endpoint declares to the client.
func (k *call) mergedCapabilities() []byte {
	tasks := ""
	switch {
	case k.c.Era == mcp.Modern:
		tasks = modernTasks
	case k.offersTasks():
		tasks = legacyTasks
	}
	return []byte(mergedCapabilities + tasks + `}`)
}

// maxInstructions bounds what one backend may say in the merged instructions, in bytes.
const maxInstructions = 2000

// maxHello bounds what a session keeps of its client's capabilities, and of its name, in bytes.
const maxHello = 64 << 10

// Initialize opens a legacy session for a client that calls from principal on an endpoint; endpoint is
// whatever text names it to the session table. On the endpoint of one backend it
// waits for that backend.
func (g *Gateway) Initialize(ctx context.Context, scope Scope, principal, endpoint string, m *mcp.Message) (*session.Session, Answer, error) {
	if err := checkHello(m); err != nil {
		return nil, Answer{}, err
	}
	wanted, _ := m.Text(mcp.FieldProtocolVersion)
	capabilities, info := cloneBoth(m.Value(mcp.FieldCapabilities), m.Value(mcp.FieldClientInfo))
	s, err := g.opts.Sessions.Open(session.Spec{
		Principal:    principal,
		Endpoint:     endpoint,
		Version:      mcp.NegotiateLegacy(wanted),
		Capabilities: capabilities,
		ClientInfo:   info,
	})
	if err != nil {
		return nil, Answer{}, err
	}
	k := &call{g: g, gen: g.current.Load(), c: SessionClient(scope, s), m: m}
	a, err := k.hello(ctx)
	for k.rerouted(err) {
		a, err = k.hello(ctx)
	}
	if err != nil {
		g.opts.Sessions.End(s)
		return nil, Answer{}, err
	}
	g.hub.join(k.c)
	s.OnEnd(func() { g.leave(s) })
	return s, a, nil
}

// cloneBoth returns copies in one piece of memory. What is missing stays nil.
func cloneBoth(a, b []byte) ([]byte, []byte) {
	both := slices.Concat(a, b)
	at := len(a)
	if a != nil {
		a = both[:at:at]
	}
	if b != nil {
		b = both[at:]
	}
	return a, b
}

func checkHello(m *mcp.Message) error {
	for _, part := range []struct {
		name string
		at   mcp.Field
	}{{"capabilities", mcp.FieldCapabilities}, {"clientInfo", mcp.FieldClientInfo}} {
		if n := len(m.Value(part.at)); n > maxHello {
			return fault.New(fault.Invalid, "params.%s has %d bytes, over the limit of %d", part.name, n, maxHello)
		}
	}
	return nil
}

// leave undoes all that was kept for a session.
func (g *Gateway) leave(s *session.Session) {
	g.levels.drop(s, s)
	g.asks.drop(s)
	if l := g.hub.leave(s); l != nil {
		g.forget(l)
	}
}

func (k *call) hello(ctx context.Context) (Answer, error) {
	if k.c.Scope.Backend == "" {
		view, err := k.gen.catalog.View(k.c.Scope.Selector)
		if err != nil {
			return Answer{}, err
		}
		k.noteUnknown()
		return k.result(k.introduce(k.mergedCapabilities(), k.g.info, k.instructions(view))), nil
	}
	b, err := k.gen.backend(k.c.Scope.Backend)
	if err != nil {
		return Answer{}, err
	}
	l, err := b.link(ctx, k.c)
	if err != nil {
		return Answer{}, err
	}
	defer l.release()
	if l.info.Era == mcp.Modern {
		return k.result(k.introduce(withoutTasks(b.capabilities(l)), l.info.ServerInfo(), b.instructions(l))), nil
	}
	return k.result(b.restated(l, "protocolVersion", mcp.Quote(nil, k.c.Session.Version))), nil
}

// maxNoted bounds the names in one line of the log: clients choose them.
const maxNoted = 32

// noteUnknown tells our own log of names in a client's selection that nothing has. The client sees what there is of the others,
// or nothing.
func (k *call) noteUnknown() {
	if unknown, known := catalog.Unknown(k.c.Scope.Selector, k.gen.catalog.Members()); len(unknown) > 0 {
		k.g.log.Warn("a client's selection names what is not there", "by", k.c.Scope.Selector.Name(),
			"unknown", unknown[:min(len(unknown), maxNoted)], "known", known[:min(len(known), maxNoted)],
			"hint", "correct the client's URL, or name it in the configuration")
	}
}

// introduce writes an initialize result.
func (k *call) introduce(capabilities, info []byte, instructions string) []byte {
	r := mcp.Quote([]byte(`{"protocolVersion":`), k.c.Session.Version)
	r = append(append(r, `,"capabilities":`...), capabilities...)
	if info == nil {
		info = k.g.info
	}
	r = append(append(r, `,"serverInfo":`...), info...)
	if instructions != "" {
		r = mcp.Quote(append(r, `,"instructions":`...), instructions)
	}
	return append(r, '}')
}

// restated returns what a backend said of itself with one member replaced, and the instructions where they
// are overridden.
func (b *backend) restated(l *link, member string, value []byte) []byte {
	hello := l.info.Hello
	edits := []mcp.Edit{{At: mcp.MemberSpan(hello, member), Text: value}}
	if override := b.spec.Load().Instructions; override != nil {
		text := mcp.Quote(nil, *override)
		if at := mcp.MemberSpan(hello, "instructions"); at.Present() {
			edits = append(edits, mcp.Edit{At: at, Text: text})
		} else {
			end := edits[0].At.End
			edits[0].Text = append(append(value, `,"instructions":`...), text...)
			edits[0].At.End = end
		}
	}
	return mcp.Splice(nil, hello, edits)
}

func (b *backend) capabilities(l *link) []byte {
	if c := l.info.Capabilities(); c != nil {
		return c
	}
	return []byte(`{}`)
}

func (b *backend) instructions(l *link) string {
	if override := b.spec.Load().Instructions; override != nil {
		return *override
	}
	return l.info.Instructions()
}

// instructions joins what the backends of a view say, each under its name, as far as they are up.
func (k *call) instructions(view *catalog.View) string {
	var b strings.Builder
	for i, backend := range k.gen.order {
		if !view.Shows(i) {
			continue
		}
		text := strings.TrimSpace(backend.currentInstructions())
		if text == "" {
			continue
		}
		if len(text) > maxInstructions {
			text = strings.ToValidUTF8(text[:maxInstructions], "") + "…"
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString("## " + backend.name + "\n" + text)
	}
	return b.String()
}

func (b *backend) currentInstructions() string {
	l := b.primary.Load()
	if l == nil {
		if override := b.spec.Load().Instructions; override != nil {
			return *override
		}
		return ""
	}
	return b.instructions(l)
}

func supportedVersions() []byte {
	out := []byte{'['}
	for i, v := range mcp.Versions() {
		if i > 0 {
			out = append(out, ',')
		}
		out = mcp.Quote(out, v)
	}
	return append(out, ']')
}

// mergedDiscovery is the result of server/discover on the merged endpoint.
func (k *call) mergedDiscovery(view *catalog.View) []byte {
	k.noteUnknown()
	return discovery(k.mergedCapabilities(), k.instructions(view))
}

func discovery(capabilities []byte, instructions string) []byte {
	r := append([]byte(`{"supportedVersions":`), supportedVersions()...)
	r = append(append(r, `,"capabilities":`...), capabilities...)
	if instructions != "" {
		r = mcp.Quote(append(r, `,"instructions":`...), instructions)
	}
	return append(r, '}')
}

// directDiscovery answers server/discover for one backend with what that backend says of itself.
func (k *call) directDiscovery(ctx context.Context, b *backend) (Answer, error) {
	l, err := b.awaitOpen(ctx)
	if err != nil {
		return Answer{}, err
	}
	if l.info.Era == mcp.Modern {
		return k.result(b.restated(l, "supportedVersions", supportedVersions())), nil
	}
	m, err := mcp.Scan(mcp.AppendResult(nil, k.m.IDBytes(), discovery(withoutTasks(b.capabilities(l)), b.instructions(l))))
	if err != nil {
		return Answer{}, err
	}
	return Answer{Body: m.RewriteResult(nil, mcp.ResultRewrite{ID: k.m.IDBytes(), Modernize: true, Method: k.m.Method, ServerInfo: l.info.ServerInfo()})}, nil
}
