package front_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/hostguard"
	"onemcp/internal/trustproxy"
)

// Each file of testdata holds conversations, which run before a gateway with two scripted servers, red and
// blue, tagged by their names. A line begins with
//
//	#   a comment
//	>   the request: method and path
//	>h  a header of it; an empty one is taken away
//	>b  its body; the last line of the request unless there is none
//	<   the status
//	<h  a header of the answer; an empty one must be absent
//	<b  the whole body
//	<~  a part of the body
//
// $HELLO is an initialize, $META the members that make a request modern, $SESSION the
// session that was opened last, $X a text of 70,000 bytes.
func TestConversations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations", err)
	}
	r := newRig(t, front.Options{MaxBody: 64 << 10, Access: &front.Access{
		Trust: func() *trustproxy.Policy { return trustproxy.Default().Compile(nil) },
		Hosts: hostguard.New(hostguard.Options{Origins: []string{"https://app.example"}}),
	}}, gateway.Setup{
		Backends: []gateway.Spec{backend(t, "red", "red"), backend(t, "blue", "blue")},
		Presets:  presets(t),
	})
	url := r.listen(t)
	t.Run("all", func(t *testing.T) {
		for _, file := range files {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range archive.Files {
				t.Run(filepath.Base(file)+"/"+f.Name, func(t *testing.T) {
					t.Parallel()
					converse(newClient(t, url), string(f.Data))
				})
			}
		}
	})
}

// talk is a conversation under way.
type talk struct {
	*client
	opened string

	method, path, body string
	header             []string
	pending            bool
	resp               *http.Response
	answer             string
}

const labels = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}`

func converse(c *client, script string) {
	k := &talk{client: c}
	for text := range strings.Lines(script) {
		text = strings.TrimSuffix(text, "\n")
		sign, rest, _ := strings.Cut(text, " ")
		if sign == "" || sign == "#" {
			continue
		}
		rest = strings.NewReplacer("$HELLO", hello, "$META", labels, "$SESSION", k.opened, "$X", strings.Repeat("x", 70000)).Replace(rest)
		if strings.HasPrefix(sign, ">") {
			k.say(sign, rest)
		} else {
			k.send()
			k.expect(sign, rest, text)
		}
	}
	k.send()
}

func (k *talk) say(sign, rest string) {
	switch sign {
	case ">":
		k.send()
		k.method, k.path, _ = strings.Cut(rest, " ")
		k.header, k.body, k.pending = nil, "", true
	case ">h":
		name, value, _ := strings.Cut(rest, ":")
		k.header = append(k.header, name, strings.TrimSpace(value))
	case ">b":
		k.body = rest
	}
}

// send sends the request that was said.
func (k *talk) send() {
	k.t.Helper()
	if !k.pending {
		return
	}
	k.pending = false
	k.resp = k.do(k.t.Context(), k.method, k.path, k.body, k.header...)
	k.answer = strings.TrimSuffix(read(k.t, k.resp), "\n")
	if s := k.resp.Header.Get("Mcp-Session-Id"); s != "" {
		k.opened = s
	}
}

func (k *talk) expect(sign, rest, text string) {
	k.t.Helper()
	ok := false
	switch sign {
	case "<":
		ok = strings.HasPrefix(k.resp.Status, rest+" ")
	case "<h":
		name, value, _ := strings.Cut(rest, ":")
		ok = k.resp.Header.Get(name) == strings.TrimSpace(value)
	case "<b":
		ok = k.answer == rest
	case "<~":
		ok = strings.Contains(k.answer, rest)
	}
	if !ok {
		k.t.Fatalf("%s %s: wanted %s\ngot %s %v\n%s", k.method, k.path, text, k.resp.Status, k.resp.Header, k.answer)
	}
}
