package endtoend_test

import (
	"crypto/rand"
	"slices"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// TestWhatCrossesErasStaysTheSame: between the eras, params and results keep every member that neither era
// adds or removes, byte for byte and in order.
func TestWhatCrossesErasStaysTheSame(t *testing.T) {
	t.Parallel()
	r := start(t, setup(
		overStdio(t, "legacy-stdio", upstreamtest.Script{Eras: legacyOnly}),
		overHTTP(t, "legacy-http", upstreamtest.Script{Eras: legacyOnly}),
		overSSE(t, "legacy-sse", upstreamtest.Script{Eras: legacyOnly}),
		overStdio(t, "modern-stdio", upstreamtest.Script{Eras: modernOnly}),
		overHTTP(t, "modern-http", upstreamtest.Script{Eras: modernOnly}),
	), oddAnswers)
	r.ready()
	for _, c := range cells {
		t.Run("to "+c.name, func(t *testing.T) {
			t.Parallel()
			era := mcp.Legacy
			if c.era == mcp.Legacy {
				era = mcp.Modern
			}
			x := &crossing{client: (&rig{t: t, url: r.url}).connect(era, "/mcp/servers/"+c.name), to: c.era}
			x.affinity = rand.Text() // so that what has arrived can be asked for with another request
			for _, odd := range oddities {
				if c.name == "legacy-stdio" || c.name == "modern-stdio" {
					odd.value = string(mcp.Flatten([]byte(odd.value)))
				}
				t.Run(odd.name, func(t *testing.T) { x.exchange(t, odd.value) })
			}
		})
	}
}

// crossing is a client whose backend is of the other era.
type crossing struct {
	*client
	to mcp.Era
}

// modernLabels are the keys that a modern request has and a legacy one has not.
var modernLabels = []string{mcp.MetaVersion, mcp.MetaCapabilities, mcp.MetaClientInfo, mcp.MetaLogLevel}

func (x *crossing) exchange(t *testing.T, odd string) {
	mark := `"` + rand.Text() + `"`
	said := `{"x-vendor":` + odd + `,"content":[{"type":"vendor/hologram","odd":` + odd + `}],"_meta":{"vendor.example/y":` + odd + `},"structuredContent":` + odd + `,"isError":false}`
	meta := `"vendor.example/x":` + odd + `,"progressToken":"p","upstreamtest/say":[` +
		string(mcp.Quote(nil, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"odd":`+odd+`,"progressToken":$TOKEN,"progress":1.0}}`)) + `,` +
		string(mcp.Quote(nil, `{"jsonrpc":"2.0","id":$ID,"result":`+said+`}`)) + `],"mark":` + mark
	args := `{"z":` + odd + `,"a":1.0}`
	sent := x.request(`"id"`, mcp.MethodToolsCall, `"x-vendor":`+odd+`,"name":"echo","arguments":`+args, meta)
	msgs, err := x.post(x.t.Context(), sent).all()
	if err != nil || len(msgs) != 2 {
		t.Fatalf("%d messages, %v: %.2000q", len(msgs), err, msgs)
	}
	differ(t, "progress", `{"jsonrpc":"2.0","method":"notifications/progress","params":{"odd":`+odd+`,"progressToken":"p","progress":1.0}}`, string(msgs[0]))
	x.checkResult(t, msgs[1], said)
	x.checkRequest(t, sent, x.received("", mark))
}

// checkResult compares a result with what the backend said.
func (x *crossing) checkResult(t *testing.T, msg []byte, said string) {
	m, err := mcp.Scan(msg)
	if err != nil || m.Kind != mcp.Result || string(m.IDBytes()) != `"id"` {
		t.Fatalf("%v: %.2000q", err, msg)
	}
	result := m.Bytes(m.Result)
	if x.era == mcp.Legacy {
		differ(t, "the result", said, string(result))
		return
	}
	if kind, _ := m.Text(mcp.FieldResultType); kind != "complete" || !m.Has(mcp.FieldResultServerInfo) {
		t.Errorf("the result is not a modern one: %.2000q", msg)
	}
	differ(t, "the result", without(said, "_meta"), without(string(result), "_meta", "resultType"))
	differ(t, "the result's _meta", part(said, "_meta"), without(part(string(result), "_meta"), mcp.MetaServerInfo))
}

// checkRequest compares what the backend has received with what was sent.
func (x *crossing) checkRequest(t *testing.T, sent []byte, got string) {
	before, after := part(string(sent), "params"), part(got, "params")
	differ(t, "the params", without(before, "_meta"), without(after, "_meta"))
	drop := append([]string{"progressToken"}, modernLabels...)
	differ(t, "the params' _meta", without(part(before, "_meta"), drop...), without(part(after, "_meta"), drop...))
	for _, label := range []string{mcp.MetaVersion, mcp.MetaCapabilities, mcp.MetaClientInfo} {
		if has := part(part(after, "_meta"), label) != ""; has != (x.to == mcp.Modern) {
			t.Errorf("the backend's _meta has %s: %t", label, has)
		}
	}
}

// part returns a member of a raw object, "" if it is not there.
func part(object, name string) string { return string(mcp.Member([]byte(object), name)) }

// without writes the members of a raw object in order, but for some.
func without(object string, names ...string) string {
	out := "{"
	for name, value := range mcp.Members([]byte(object)) {
		if slices.Contains(names, name) {
			continue
		}
		if out != "{" {
			out += ","
		}
		out += string(mcp.Quote(nil, name)) + ":" + string(value)
	}
	return out + "}"
}
