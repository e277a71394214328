package endtoend_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// offers are what the recording backends list.
func offers(name string) map[string]string {
	return map[string]string{
		mcp.MethodPromptsList:   `{"prompts":[{"name":"p"}]}`,
		mcp.MethodResourcesList: `{"resources":[{"uri":"test://` + name + `/r","name":"r"}]}`,
	}
}

// cell is one kind of backend in one era, which clients of the same era talk to.
type cell struct {
	name string
	era  mcp.Era
}

var cells = []cell{
	{"legacy-stdio", mcp.Legacy},
	{"legacy-http", mcp.Legacy},
	{"legacy-sse", mcp.Legacy},
	{"modern-stdio", mcp.Modern},
	{"modern-http", mcp.Modern},
}

// recorders is a rig with a recording backend for each cell.
func recorders(t *testing.T) *rig {
	t.Helper()
	legacy := func(name string) upstreamtest.Script {
		return upstreamtest.Script{Eras: legacyOnly, Offers: offers(name)}
	}
	modern := func(name string) upstreamtest.Script {
		return upstreamtest.Script{Eras: modernOnly, Offers: offers(name)}
	}
	r := start(t, setup(
		overStdio(t, "legacy-stdio", legacy("legacy-stdio"), oddContext),
		overHTTP(t, "legacy-http", legacy("legacy-http"), oddContext),
		overSSE(t, "legacy-sse", legacy("legacy-sse"), oddContext),
		overStdio(t, "modern-stdio", modern("modern-stdio"), oddContext),
		overHTTP(t, "modern-http", modern("modern-http"), oddContext),
	), oddAnswers, oddIDs)
	r.ready()
	return r
}

// oddities are JSON values that a careless intermediary changes.
var oddities = []struct{ name, value string }{
	{"integers over 2^53", `[9007199254740993,-9223372036854775809,123456789012345678901234567890]`},
	{"spellings of numbers", `[1,1.0,1.10,1e3,1E+3,1e-0,-0,-0.0,0.1e1]`},
	{"characters", `"é\u00e9 😀\ud83d\ude00 \/ / \u0000 \u2028` + "\u2028\u2029\ufeff\u007f\u0085" + `\u003c<>&\b\f\n\r\t\"\\"`},
	{"lone surrogates", `["\ud800","\udfff x","\udc00\ud800"]`},
	{"members that stand twice", `{"a":1,"a":2,"A":3,"\u0061":4}`},
	{"order and empty names", `{"z":1,"a":{"":"","b":null},"":[],"m":{}}`},
	{"blanks", "{ \"a\"  :\t1 , \n \"b\" : [ ] ,\"c\":[ 1 ,2\n] }"},
	{"names of the envelope", `{"jsonrpc":"1.0","id":7,"method":"x","result":{},"error":null,"params":{"_meta":{"progressToken":1,"progressToken":2}}}`},
	{"deep nesting", strings.Repeat("[", 495) + strings.Repeat(`{"":`, 495) + "1" + strings.Repeat("}", 495) + strings.Repeat("]", 495)},
}

// legal forms of ids and progress tokens.
var (
	strangeIDs    = []string{`"a\u0062\"\\\/"`, `1152921504606846976`, `-5`, `0`, `""`, `"1"`, `"é\ud800"`}
	fractionalIDs = []string{`1.50`, `1e3`, `-0.0`} // legacy only
	strangeTokens = []string{`"tok\u0065n"`, `7`, `-3`, `1152921504606846976`, `1.0`, `1E2`, `""`, `"7"`}
)

// letter is a request with placeholders: <id>, <token>, <name> and <uri> are spliced by somebody, <labels>, <say> and
// <odd> stand for the same bytes everywhere.
type letter struct {
	name   string
	text   string
	own    string // the backend's own text at <name>
	merged bool   // can be sent on the merged endpoint
}

const (
	meta = `"_meta":{<labels>"vendor.example/x": {"odd" : <odd>},"progressToken":<token>,"upstreamtest/say":<say>,"mark":"<mark>"}`
	call = "{ \"params\" : {\"odd\":<odd>,\"name\":<name>,\t" + meta + ",\"arguments\":{\"z\":<odd>,\"a\":1}},\"method\":\"tools/call\",\n\"x-vendor\":[<odd>],\"id\":<id>,\"jsonrpc\":\"2.0\" } "
)

var letters = []letter{
	{"a tool's call", call, `"echo"`, true},
	{"a prompt", `{"jsonrpc":"2.0","id":<id>,"method":"prompts/get","params":{` + meta + `,"name":<name>,"arguments":{"a":"\u0061"},"odd":<odd>}}`, `"p"`, true},
	{"a resource", `{"jsonrpc":"2.0","id":<id>,"method":"resources/read","params":{"uri":"test:\/\/<backend>/r","odd":<odd>,` + meta + `}}`, ``, true},
	{"a completion", `{"jsonrpc":"2.0","id":<id>,"method":"completion/complete","params":{"ref":{ "x":<odd>,"type":"ref/prompt","name": <name> },"argument":{"name":"a","value":""},"context":<odd>,` + meta + `}}`, `"p"`, true},
	{"a list from an empty cursor", `{"jsonrpc":"2.0","id":<id>,"method":"tools/list","params":{"cursor":"",` + meta + `,"odd":<odd>}}`, ``, false},
	{"an unknown method", `{"jsonrpc":"2.0","id":<id>,"method":"vendor/do\u0020it","params":{"name":1.0,"uri":{},"ref":[<odd>],` + meta + `}}`, ``, false},
}

// says are what the backend sends: notifications of the call, and the answer. $ID and $TOKEN are its own.
var says = []struct {
	name  string
	texts []string
}{
	{"a result", []string{`{ "result": {"x-vendor":<odd>,"content":[{"type":"vendor/hologram","odd":<odd>},{"text":"\u0061","type":"text"}],"structuredContent":<odd>,"_meta":{"vendor.example/y": <odd>},"resultType":"complete","nextCursor":"","isError":false},"x":<odd>, "id":$ID ,"jsonrpc":"2.0"}`}},
	{"an error", []string{`{"jsonrpc":"2.0","error":{"data":<odd>,"x":<odd>,"message":"no\u0020\u00fc <>&","code":-31999},"id":$ID}`}},
	{"notifications and a result", []string{
		`{"jsonrpc":"2.0","params":{"odd":<odd>, "progress":1.0,"total":1e1,"message":"\u0061","progressToken":$TOKEN,"_meta":{ "vendor.example/z" : <odd> }},"method":"notifications/progress"}`,
		`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","logger":"\u0061","data":<odd>,"_meta":{ "vendor.example/z" : <odd> },"odd":<odd>},"x":<odd>}`,
		`{"jsonrpc":"2.0","id":$ID,"result":{"odd":<odd>}}`,
	}},
}

func TestBytesArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	r := recorders(t)
	for _, c := range cells {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, merged := range []bool{false, true} { // one by one: lines attribute a log message only if one client calls
				newPost(t, r, c, merged).exchangeAll()
			}
		})
	}
}

func (p *post) exchangeAll() {
	for _, l := range letters {
		if p.prefix != "" && !l.merged {
			continue
		}
		for i, odd := range oddities {
			for j, say := range says {
				if l.name != letters[0].name && (i+j)%len(says) != 0 {
					continue // all that may be said to the first letter, in turn to the others
				}
				p.exchange(l, odd.value, say.texts, fmt.Sprintf("%s, %s: %s", l.name, odd.name, say.name))
			}
		}
	}
	p.exchange(largeLetter, mebibyte, largeSay, "a mebibyte")
}

// large is a message of more than a mebibyte, to the backend in what it is to say, and back.
var (
	mebibyte    = `"` + strings.Repeat(`0123456789abcdé\u00e9`, 1<<16) + `"`
	largeLetter = letter{"a large call", `{"jsonrpc":"2.0","id":<id>,"method":"tools/call","params":{"name":<name>,"_meta":{<labels>"progressToken":<token>,"upstreamtest/say":<say>,"mark":"<mark>"}}}`, `"echo"`, true}
	largeSay    = []string{`{"jsonrpc":"2.0","id":$ID,"result":{"structuredContent":<odd>}}`}
)

// post sends letters to one backend and checks what arrives at either end.
type post struct {
	*client
	t       *testing.T
	cell    cell
	prefix  string
	ids     []string
	counter int
}

func newPost(t *testing.T, r *rig, c cell, merged bool) *post {
	p := &post{t: t, cell: c, ids: strangeIDs}
	path := "/mcp/servers/" + c.name
	if merged {
		path, p.prefix = "/mcp", c.name+"_1mcp_"
	}
	p.client = (&rig{t: t, gateway: r.gateway, url: r.url}).connect(c.era, path)
	if c.era == mcp.Legacy {
		p.ids = append(fractionalIDs, p.ids...)
	}
	return p
}

// exchange sends one letter, to which the backend says texts.
func (p *post) exchange(l letter, odd string, texts []string, what string) {
	p.t.Helper()
	p.counter++
	id, token := p.ids[p.counter%len(p.ids)], strangeTokens[p.counter%len(strangeTokens)]
	mark := fmt.Sprintf("%s-%t-%d.", p.cell.name, p.prefix != "", p.counter)
	said := make([]string, len(texts))
	for i, text := range texts {
		said[i] = p.overTheWire(strings.ReplaceAll(text, "<odd>", odd))
	}
	text := p.fill(l, odd, mark, said)
	public := l.own
	if l.own != "" {
		public = `"` + p.prefix + l.own[1:]
	}
	sent := stamp(text, id, token, public)
	got, err := p.client.post(p.t.Context(), []byte(sent)).all()
	if err != nil || len(got) != len(said) {
		p.t.Fatalf("%s: %d messages instead of %d: %.2000q, %v", what, len(got), len(said), got, err)
	}
	for i := range said {
		want := strings.NewReplacer("$ID", id, "$TOKEN", token).Replace(said[i])
		differ(p.t, what+", to the client", want, string(got[i]))
	}
	arrived := p.received(p.prefix, mark)
	var numbered struct{ ID json.Number }
	if err := json.Unmarshal([]byte(arrived), &numbered); err != nil {
		p.t.Fatal(err)
	}
	ours := numbered.ID.String()
	differ(p.t, what+", to the backend", p.overTheWire(stamp(text, ours, ours, l.own)), arrived)
}

// fill puts in what stays the same on the whole way.
func (p *post) fill(l letter, odd, mark string, said []string) string {
	dictated := []byte("[")
	for i, text := range said {
		if i > 0 {
			dictated = append(dictated, ',')
		}
		dictated = mcp.Quote(dictated, text)
	}
	return strings.NewReplacer("<labels>", p.labels(), "<odd>", odd, "<mark>", mark, "<backend>", p.cell.name,
		"<say>", string(dictated)+"]").Replace(l.text)
}

func stamp(text, id, token, name string) string {
	return strings.NewReplacer("<id>", id, "<token>", token, "<name>", name).Replace(text)
}

// overTheWire is what becomes of a text between the gateway and the backend: on lines a line break between tokens becomes
// a blank, and what surrounds the message is the line's.
func (p *post) overTheWire(text string) string {
	if p.cell.name == "legacy-stdio" || p.cell.name == "modern-stdio" {
		return strings.TrimSpace(strings.ReplaceAll(text, "\n", " "))
	}
	return text
}

// differ fails the test where two texts do.
func differ(t *testing.T, what, want, got string) {
	t.Helper()
	if want == got {
		return
	}
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	from := max(0, at-80)
	t.Errorf("%s:\nwanted %d bytes …%.300q\ngot    %d bytes …%.300q", what, len(want), want[from:], len(got), got[from:])
}
