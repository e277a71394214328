package mcp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"onemcp/internal/mcp"
)

// basin is a writer that remembers.
type basin struct {
	bytes.Buffer
	closed bool
}

func (b *basin) Close() error {
	b.closed = true
	return nil
}

// clientID is what relays put into messages of request 17.
const clientID = `"client's \u0069d"`

// ways are what relays do to messages of request 17.
var ways = []mcp.ResultRewrite{
	{ID: []byte(clientID)},
	{ID: []byte(clientID), Modernize: true, Method: mcp.MethodResourcesRead, ServerInfo: []byte(`{"name":"s","version":"1"}`)},
	{ID: []byte(clientID), Modernize: true, Method: mcp.MethodToolsCall},
	{ID: []byte(clientID), Complete: true},
}

// relay sends a message through in pieces, of which next gives the lengths.
func relay(text string, how mcp.ResultRewrite, next func() int) (*mcp.Relay, *basin, error) {
	out := new(basin)
	r := mcp.NewRelay(out, 17, how)
	for rest := []byte(text); len(rest) > 0; {
		piece := bytes.Clone(rest[:min(next(), len(rest))])
		if _, err := r.Write(piece); err != nil {
			return r, out, errors.Join(err, r.Close())
		}
		clear(piece)
		rest = rest[len(piece):]
	}
	return r, out, r.Close()
}

// whole is what a relay must do: the message rewritten, or nothing if it is not the result of request 17, or a task between eras.
func whole(text string, how mcp.ResultRewrite) (out []byte, ok bool) {
	m, err := mcp.Scan([]byte(text))
	if id, isInt := m.IntID(); err != nil || m.Kind != mcp.Result || !isInt || id != 17 {
		return nil, false
	}
	kind := m.Value(mcp.FieldResultType)
	if how.Complete && kind != nil && !m.Says(mcp.FieldResultType, "complete") {
		return nil, false
	}
	if how.Complete || how.Modernize {
		if m.Says(mcp.FieldResultType, "task") || kind == nil && mcp.Member(mcp.Member(m.Bytes(m.Result), "task"), "taskId") != nil {
			return nil, false
		}
	}
	return m.RewriteResult(nil, how), true
}

// compare fails the test where a relay and a scan of the whole differ.
func compare(t *testing.T, text string, next func() int) {
	t.Helper()
	for _, how := range ways {
		_, out, err := relay(text, how, next)
		want, ok := whole(text, how)
		switch {
		case ok != (err == nil):
			_, scanned := mcp.Scan([]byte(text))
			t.Errorf("%.300q: relay says %v, scan %v", text, err, scanned)
		case ok != out.closed:
			t.Errorf("%.300q: closed is %v", text, out.closed)
		case ok && !bytes.Equal(want, out.Bytes()) && !(how.Modernize && isSame(t, want, out.Bytes())):
			t.Errorf("%.300q became %.300q; want %.300q", text, out, want)
		}
	}
}

// isSame reports whether messages differ only in the order of their members.
func isSame(t *testing.T, a, b []byte) bool {
	t.Helper()
	var values [2]any
	for i, text := range [2][]byte{a, b} {
		in := json.NewDecoder(bytes.NewReader(text))
		in.UseNumber()
		if err := in.Decode(&values[i]); err != nil {
			t.Errorf("%.300q: %v", text, err)
		}
		if _, err := mcp.Scan(text); err != nil {
			t.Errorf("%.300q: %v", text, err)
		}
	}
	return len(a) == len(b) && reflect.DeepEqual(values[0], values[1])
}

// always gives pieces of one length.
func always(n int) func() int { return func() int { return n } }

// results are messages that are passed on, and others that are not, for some of the reasons there are.
var results = []string{
	`{"jsonrpc":"2.0","id":17,"result":{}}`,
	`{"result":{"content":[{"type":"text","text":"hello"}]},"jsonrpc":"2.0","id":17}`,
	" \r\n\t{ \"id\" : 17 , \"result\" : null , \"jsonrpc\" : \"2.0\" } \n",
	`{"jsonrpc":"2.0","id":17,"result":[1,-0.5e+3,0.1,-0,1E9,true,false,null,"\u00e9\n\"\\\/é😀",[],{},[[{"a":[]}]]]}`,
	`{"jsonrpc":"2.0","\u0069d":17,"re\u0073ult":{"resultType":"complete","_meta":{"a":1,"b":{"a":1,"a":2}},"a":1,"a":2,"Content":3},"x":1,"y":{"id":1,"id":2}}`,
	`{"jsonrpc":"2.0","id":17,"result":7,"params":{"a":1,"_meta":{"b":[],"c":{"b":1,"b":1}},"A":2}}`,
	`{"jsonrpc":"2.0","id":17,"result":7,"params":{"_meta":7}}`,
	`{"jsonrpc":"2.0","id":17,"result":{"_meta":[],"resulttype":1,"resultTypE":2}}`,
	`{"id":17,"result":{"content":[]},"jsonrpc":"2.0"}`,
	`{"id":17,"result":{"resultType":"input_required"},"jsonrpc":"2.0"}`,
	`{"id":17,"result":{"a":1,"_meta":{}},"jsonrpc":"2.0"}`,
	`{"id":17,"result":{ "_meta" : { } , "resultType" : "complete" , "ttlMs" : 5 },"jsonrpc":"2.0"}`,
	`{"id":17,"result":{"_meta":{"a":{"io.modelcontextprotocol/serverInfo":1}},"content":[{"type":"text","text":"x"}],"a":{"resultType":7}},"jsonrpc":"2.0"}`,
	`{"id":17,"result":{"_meta":{"io.modelcontextprotocol/server\u0049nfo":{}},"cacheScope":"public","resultType":{"a":1}},"jsonrpc":"2.0"}`,
	`{"id":17,"result":{"content":[],"task":{"status":"x","ta\u0073kId":"t"}},"jsonrpc":"2.0"}`,
	`{"id":17,"result":{"content":[],"task":{"taskId":"t"},"resultType":"complete"},"jsonrpc":"2.0"}`,
	`{"id":17,"result":{"resultType":"t\u0061sk","taskId":"t"},"jsonrpc":"2.0"}`,
	`{"jsonrpc":"2.0","id":17,"result":` + strings.Repeat("[", 999) + strings.Repeat("]", 999) + `}`,
	`{"jsonrpc":"2.0","id":17,"result":` + strings.Repeat(`{"":`, 999) + `0` + strings.Repeat("}", 999) + `}`,

	`{"jsonrpc":"2.0","id":17,"result":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
	`{"jsonrpc":"2.0","id":17,"result":` + strings.Repeat(`{"":`, 1000) + `0` + strings.Repeat("}", 1000) + `}`,
	``, ` `, `7`, `"a"`, `[]`, `null`, `[{"jsonrpc":"2.0","id":17,"result":{}}]`, `{}`, `{`, `{"`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{1:2}`, `{"a" 1}`,
	`{"jsonrpc":"2.0","id":17,"result":{}} x`, `{"jsonrpc":"2.0","id":17,"result":{}`, `{"jsonrpc":"2.0","id":17,"result":{}}}`,
	`{"jsonrpc":"2.0","id":17,"result":[}}`, `{"jsonrpc":"2.0","id":17,"result":{]}`, `{"jsonrpc":"2.0","id":17,"result":[1,]}`, `{"jsonrpc":"2.0","id":17,"result":[,1]}`, `{"jsonrpc":"2.0","id":17,"result":{"a":1 "b":2}}`,
	`{"jsonrpc":"2.0","id":18,"result":{}}`, `{"jsonrpc":"2.0","id":1,"result":{}}`, `{"jsonrpc":"2.0","id":170,"result":{}}`, `{"jsonrpc":"2.0","id":017,"result":{}}`, `{"jsonrpc":"2.0","id":17.0,"result":{}}`, `{"jsonrpc":"2.0","id":-17,"result":{}}`, `{"jsonrpc":"2.0","id":1e3,"result":{}}`,
	`{"jsonrpc":"2.0","id":"17","result":{}}`, `{"jsonrpc":"2.0","id":null,"result":{}}`, `{"jsonrpc":"2.0","id":true,"result":{}}`, `{"jsonrpc":"2.0","id":{},"result":{}}`, `{"jsonrpc":"2.0","id":[17],"result":{}}`, `{"jsonrpc":"2.0","result":{}}`,
	`{"jsonrpc":"2.0","id":17}`, `{"id":17,"result":{}}`, `{"jsonrpc":"2.0","id":17,"error":{"code":1,"message":"x"}}`, `{"jsonrpc":"2.0","id":17,"result":{},"error":{"code":1,"message":"x"}}`, `{"jsonrpc":"2.0","id":17,"method":"x"}`, `{"jsonrpc":"2.0","id":17,"method":"x","result":{}}`,
	`{"jsonrpc":"1.0","id":17,"result":{}}`, `{"jsonrpc":"2.0 ","id":17,"result":{}}`, `{"jsonrpc":"\u0032.0","id":17,"result":{}}`, `{"jsonrpc":2.0,"id":17,"result":{}}`, `{"jsonrpc":["2.0"],"id":17,"result":{}}`, `{"jsonrpc":{},"id":17,"result":{}}`,
	`{"jsonrpc":"2.0","id":17,"result":{},"id":17}`, `{"jsonrpc":"2.0","id":17,"result":{},"\u0069d":17}`, `{"jsonrpc":"2.0","id":17,"result":{},"result":{}}`, `{"jsonrpc":"2.0","id":17,"result":{},"x":1,"x":2}`, `{"jsonrpc":"2.0","id":17,"result":{},"Result":{}}`, `{"jsonrpc":"2.0","id":17,"re` + "\u017f" + `ult":{},"result":1}`,
	`{"jsonrpc":"2.0","id":17,"result":{},"params":[]}`, `{"jsonrpc":"2.0","id":17,"result":{},"params":7}`, `{"jsonrpc":"2.0","id":17,"result":{},"params":{"a":1,"a":2}}`, `{"jsonrpc":"2.0","id":17,"result":{},"params":{"Name":1}}`, `{"jsonrpc":"2.0","id":17,"result":{},"params":{"_meta":{"a":1,"a":2}}}`, `{"jsonrpc":"2.0","id":17,"result":{},"params":{"_meta":{"ProgressToken":2}}}`,
	`{"jsonrpc":"2.0","id":17,"result":{"_meta":{"a":1,"\u0061":2}}}`, `{"jsonrpc":"2.0","id":17,"result":{"_meta":{"io.modelcontextprotocol/ServerInfo":2}}}`, `{"jsonrpc":"2.0","id":17,"result":{"_meta":1,"_meta":2}}`, `{"jsonrpc":"2.0","id":17,"result":{"ttlMs":1,"ttl\u004ds":2}}`,
	"{\"jsonrpc\":\"2.0\",\"id\":17,\"result\":\"a\xff\"}", "{\"jsonrpc\":\"2.0\",\"id\":17,\"result\":\"a\xf0\x9f\x98\"}", "{\"jsonrpc\":\"2.0\",\"id\":17,\"result\":\"a\xf0\x9f", "{\"jsonrpc\":\"2.0\",\"id\":17,\"result\":\"\xed\xa0\x80\"}", "{\"jsonrpc\":\"2.0\",\"id\":17,\"result\":\"\xc0\x80\"}", "\ufeff{\"jsonrpc\":\"2.0\",\"id\":17,\"result\":{}}",
	"{\"jsonrpc\":\"2.0\",\"id\":17,\"result\":\"a\nb\"}", `{"jsonrpc":"2.0","id":17,"result":"\x"}`, `{"jsonrpc":"2.0","id":17,"result":"\u12g4"}`, `{"jsonrpc":"2.0","id":17,"result":"\u12"}`, `{"jsonrpc":"2.0","id":17,"result":"\"}`,
	`{"jsonrpc":"2.0","id":17,"result":01}`, `{"jsonrpc":"2.0","id":17,"result":1.}`, `{"jsonrpc":"2.0","id":17,"result":.1}`, `{"jsonrpc":"2.0","id":17,"result":1e}`, `{"jsonrpc":"2.0","id":17,"result":1e+}`, `{"jsonrpc":"2.0","id":17,"result":-}`, `{"jsonrpc":"2.0","id":17,"result":--1}`, `{"jsonrpc":"2.0","id":17,"result":1.2.3}`, `{"jsonrpc":"2.0","id":17,"result":+1}`,
	`{"jsonrpc":"2.0","id":17,"result":tru}`, `{"jsonrpc":"2.0","id":17,"result":truex}`, `{"jsonrpc":"2.0","id":17,"result":nul`, `{"jsonrpc":"2.0","id":17,"result":NaN}`, "{\"jsonrpc\":\"2.0\",\"id\":17,\"result\":\x00}",
}

func TestARelayDoesWhatScanAndRewriteDo(t *testing.T) {
	t.Parallel()
	for _, text := range results {
		for _, n := range []int{1, 2, 3, 5, 7, 16, 1 << 20} {
			compare(t, text, always(n))
		}
	}
}

// TestARelayOfAnythingDoesWhatScanAndRewriteDo spoils good messages at random places, and cuts them at others.
func TestARelayOfAnythingDoesWhatScanAndRewriteDo(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte("{}[]\",:\\u0123.eE+-truefalsn \n\x00\xff\xc3\xa9id")
	passed := 0
	for range 40_000 {
		text := []byte(results[random.IntN(18)])
		for range random.IntN(3) {
			at := random.IntN(len(text))
			switch c := alphabet[random.IntN(len(alphabet))]; random.IntN(3) {
			case 0:
				text[at] = c
			case 1:
				text = slices.Insert(text, at, c)
			default:
				text = slices.Delete(text, at, at+1)
			}
		}
		if _, ok := whole(string(text), ways[0]); ok {
			passed++
		}
		most := 1 + random.IntN(100)
		compare(t, string(text), func() int { return 1 + random.IntN(most) })
	}
	if passed < 2_000 || passed > 38_000 {
		t.Errorf("%d of the messages are right", passed)
	}
}

func FuzzRelay(f *testing.F) {
	for i, text := range results {
		f.Add([]byte(text), uint64(i))
	}
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		most := 1 + int(seed%40)
		compare(t, string(text), func() int { return 1 + random.IntN(most) })
	})
}

func TestARelayNotesWhatAResultShows(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 600<<10)
	tests := []struct {
		name, result string
		shown        []string
		task         string
	}{
		{"links and resources", `{"content":[{"type":"resource_link","uri":"a://1"},{"type":"resource","resource":{"text":"x","uri":"a:\/\/2"}},{"type":"text","text":"uri"}]}`, []string{"a://1", "a://2"}, ""},
		{"a uri before that of the resource", `{"content":[{"resource":{"uri":"b"},"uri":"a"}]}`, []string{"a"}, ""},
		{"what stands twice counts in the end", `{"content":[{"uri":"a"}],"content":[{"uri":"b","uri":"c"},{"resource":{"uri":"d"},"resource":{"uri":"e","\u0075ri":"f"}}]}`, []string{"c", "f"}, ""},
		{"what is elsewhere", `{"x":{"content":[{"uri":"a"}]},"content":{"uri":"b"},"structuredContent":{"content":[{"uri":"c"}],"taskId":"x"}}`, nil, ""},
		{"what is something else", `{"content":[{"uri":7},{"uri":null,"resource":{"uri":"a"}},{"resource":[{"uri":"b"}]},[{"uri":"c"}],"uri",{"resource":{"resource":{"uri":"d"}}}],"task":"x"}`, nil, ""},
		{"a resource at last not there", `{"content":[{"resource":{"uri":"a"},"resource":7}]}`, nil, ""},
		{"a task", `{"task":{"taskId":"t\u0031","status":"working"},"taskId":"u"}`, nil, "t1"},
		{"a task of its own", `{"resultType":"task","taskId":"t2","task":{}}`, nil, "t2"},
		{"more than is noted", `{"content":[{"uri":"` + long + `"},{"uri":"` + long + `"},{"uri":"a"}]}`, []string{long, "a"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{1, 5, 1 << 30} {
				r, _, err := relay(`{"jsonrpc":"2.0","id":17,"result":`+tt.result+`}`, ways[0], always(n))
				if err != nil {
					t.Fatal(err)
				}
				if got := r.Resources(); !slices.Equal(got, tt.shown) {
					t.Errorf("resources %.200q, wanted %.200q", got, tt.shown)
				}
				if task, _ := r.Task(); task != tt.task {
					t.Errorf("task %q", task)
				}
			}
		})
	}
}

// TestARelayPassesNothingAfterAnError, nor anything of the piece that it refuses.
func TestARelayPassesNothingAfterAnError(t *testing.T) {
	t.Parallel()
	out := new(basin)
	r := mcp.NewRelay(out, 17, mcp.ResultRewrite{ID: []byte(clientID)})
	first := `{"jsonrpc":"2.0","id":17,"result":[`
	_, err := r.Write([]byte(first))
	_, wrong := r.Write([]byte(`1,2,x`))
	_, later := r.Write([]byte(`]}`))
	if err != nil || wrong == nil || later == nil || r.Close() == nil || out.closed {
		t.Errorf("%v, %v, %v, closed %v", err, wrong, later, out.closed)
	}
	if syntax, ok := errors.AsType[*mcp.SyntaxError](wrong); !ok || syntax.Offset != len(first)+4 {
		t.Errorf("the error is %v", wrong)
	}
	if want := strings.Replace(first, "17", clientID, 1); out.String() != want {
		t.Errorf("%q has passed", out)
	}
}

func TestTheBeginningOfAResultIsTold(t *testing.T) {
	t.Parallel()
	tests := []struct {
		head string
		want bool
	}{
		{`{"jsonrpc":"2.0","id":17,"result":{"a`, true},
		{`{"result":`, true},
		{` { "x":[1,{}], "re\u0073ult"  : `, true},
		{`{"jsonrpc":"2.0","id":18,"result":{}`, false},
		{`{"jsonrpc":"2.0","id":"17","result":{}`, false},
		{`{"jsonrpc":"2.0","id":17,"error":{"data":"`, false},
		{`{"jsonrpc":"2.0","id":17,"method":"x","result":1`, false},
		{`{"jsonrpc":"2.0","id":17,"x":"`, false},
		{`{"jsonrpc":"2.0"}`, false},
		{`[{"jsonrpc":"2.0","id":17,"result":{}`, false},
		{`{"x":y,"result":`, false},
		{`{`, false}, {``, false}, {`7`, false},
	}
	for _, tt := range tests {
		if got := mcp.BeginsResult([]byte(tt.head), 17); got != tt.want {
			t.Errorf("%s: %v", tt.head, got)
		}
		if mcp.BeginsComplete([]byte(tt.head), 17) {
			t.Errorf("%s: is complete", tt.head)
		}
	}
	for head, want := range map[string]bool{
		`{"jsonrpc":"2.0","id":17,"result":{"resultType":"complete","content":[`:                                  true,
		`{"result" : { "_meta":{"resultType":1}, "result\u0054ype" : "compl\u0065te"`:                             true,
		`{"jsonrpc":"2.0","id":17,"result":{"resultType":"complet`:                                                false,
		`{"jsonrpc":"2.0","id":17,"result":{"resultType":"input_required","content":[`:                            false,
		`{"jsonrpc":"2.0","id":17,"result":{"_meta":{"a":{}},"content":[{"type":"text","text":"`:                  true,
		`{"jsonrpc":"2.0","id":17,"result":{"content":[],"structuredContent":{"a":[1,2,`:                          true,
		`{"result":{"messages":[{"text":"a \`:                                                                     true,
		`{"result":{"contents":["\u12`:                                                                            true,
		`{"result":{"contents":["\x`:                                                                              false,
		`{"result":{"contents":[1,`:                                                                               true,
		`{"jsonrpc":"2.0","id":17,"result":{"content":[],"inputRequests":{"content":`:                             false,
		`{"jsonrpc":"2.0","id":17,"result":{"content":[],"resultType":"input_required","structuredContent":{"a":`: false,
		`{"jsonrpc":"2.0","id":17,"result":{"content`:                                                             false,
		`{"jsonrpc":"2.0","id":17,"result":{"content":["x","resultType":"complete"`:                               false,
		`{"jsonrpc":"2.0","id":17,"result":{"content":[],"a":x,"resultType":"complete"`:                           false,
		`{"jsonrpc":"2.0","id":18,"result":{"resultType":"complete","content":[`:                                  false,
		`{"jsonrpc":"2.0","id":17,"result":["resultType","complete"`:                                              false,
		`{"jsonrpc":"2.0","id":17,"result":{"_meta":{"resultType":"complete"},"x":`:                               false,
	} {
		if got := mcp.BeginsComplete([]byte(head), 17); got != want {
			t.Errorf("%s: complete is %v", head, got)
		}
	}
}

// pouring is a result of about a mebibyte.
func pouring(unit string) []byte {
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":17,"result":{"content":[%s{}]}}`, strings.Repeat(unit, 1<<20/len(unit)))
}

var pourings = []struct {
	name string
	text []byte
}{
	{"long texts", pouring(`{"type":"text","text":"` + strings.Repeat("the quick brown fox ", 50<<10) + `"},`)},
	{"long texts not in ASCII", pouring(`{"type":"text","text":"` + strings.Repeat("größer als 8 €, ", 50<<10) + `"},`)},
	{"escaped texts", pouring(`{"type":"text","text":"` + strings.Repeat(`a line of some text\n`, 40<<10) + `"},`)},
	{"structured", bytes.Replace(pouring(`{"id":12345,"name":"some name","on":true,"tags":["a","b"],"at":{"x":1.5,"y":-2}},`),
		[]byte(`"content"`), []byte(`"content":[],"structuredContent"`), 1)},
	{"small members", pouring(`{"id":12345,"name":"some name","on":true,"tags":["a","b"],"at":{"x":1.5,"y":-2}},`)},
}

func BenchmarkRelay(b *testing.B) {
	for _, p := range pourings {
		b.Run(p.name, func(b *testing.B) {
			b.SetBytes(int64(len(p.text)))
			b.ReportAllocs()
			for b.Loop() {
				r := mcp.NewRelay(nowhere{}, 17, mcp.ResultRewrite{ID: []byte(`"x"`)})
				for rest := p.text; len(rest) > 0; {
					n := min(len(rest), 64<<10)
					if _, err := r.Write(rest[:n]); err != nil {
						b.Fatal(err)
					}
					rest = rest[n:]
				}
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Close() error                { return nil }

// BenchmarkWhole is what a relay saves: a scan and a splice of the whole.
func BenchmarkWhole(b *testing.B) {
	for _, p := range pourings {
		b.Run(p.name, func(b *testing.B) {
			b.SetBytes(int64(len(p.text)))
			b.ReportAllocs()
			for b.Loop() {
				m, err := mcp.Scan(p.text)
				if err != nil {
					b.Fatal(err)
				}
				m.RewriteResult(nil, mcp.ResultRewrite{ID: []byte(`"x"`)})
			}
		})
	}
}
