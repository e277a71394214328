package explain_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"onemcp/internal/trustproxy"
	"onemcp/internal/trustproxy/explain"
)

// load knows one file and one name.
func load(s trustproxy.Source) (trustproxy.Entries, error) {
	switch s.String() {
	case "file:proxies.txt":
		return trustproxy.ParseList("10.0.0.0/8\n")
	case "dns:nginx":
		return trustproxy.ParseList("172.18.0.2\n")
	}
	return trustproxy.Entries{}, errors.New("there is none")
}

// TestStreams replays each archive: what stands in "in" must give "want". The steps are
// wanted to be there; what they say is the business of another test.
func TestStreams(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := explain.Run(bytes.NewReader(a.Files[0].Data), &out, explain.Options{Stdin: true, Load: load}); err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSpace(string(a.Files[1].Data)), "\n")
			got := strings.Split(strings.TrimSpace(withoutSteps(t, out.String())), "\n")
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || got[i] != want[i] {
					t.Errorf("line %d:\n got %s\nwant %s", i+1, at(got, i), at(want, i))
				}
			}
		})
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

// withoutSteps removes the steps after checking that every answer has some.
func withoutSteps(t *testing.T, out string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(out) {
		before, steps, ok := strings.Cut(strings.TrimSpace(line), `,"steps":[`)
		if !ok && !strings.Contains(line, `rror":`) || ok && steps == "]}" {
			t.Errorf("an answer without steps: %s", line)
		}
		if ok {
			before += "}"
		}
		b.WriteString(before + "\n")
	}
	return b.String()
}

func TestOneRequest(t *testing.T) {
	t.Parallel()
	a, err := txtar.ParseFile("testdata/one.txt")
	if err != nil {
		t.Fatal(err)
	}
	o := explain.Options{TrustProxy: "uniquelocal", Request: explain.Request{Remote: "10.0.0.1", Host: "mcp.example.com"}}
	for _, text := range []string{"X-Forwarded-For: 1.1.1.1, 203.0.113.9", "X-Forwarded-Proto:https"} {
		h, err := explain.ParseHeader(text)
		if err != nil {
			t.Fatal(err)
		}
		o.Request.Headers = append(o.Request.Headers, h)
	}
	for i, asJSON := range []bool{false, true} {
		o.JSON = asJSON
		var out bytes.Buffer
		if err := explain.Run(nil, &out, o); err != nil || out.String() != string(a.Files[i].Data) {
			t.Errorf("%v, got\n%s\nwant\n%s", err, out.String(), a.Files[i].Data)
		}
	}
}

func TestARefusedSettingIsTheError(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"nginx", "0.0.0.0/0", "file:proxies.txt"} {
		var out bytes.Buffer
		err := explain.Run(nil, &out, explain.Options{TrustProxy: setting, JSON: true})
		var got struct {
			ConfigError string `json:"configError"`
		}
		if jsonErr := json.Unmarshal(out.Bytes(), &got); err == nil || jsonErr != nil || got.ConfigError == "" || !strings.Contains(err.Error(), got.ConfigError) {
			t.Errorf("%s: error %v, output %s", setting, err, out.String())
		}
		if err := explain.Run(nil, &out, explain.Options{TrustProxy: setting}); err == nil {
			t.Errorf("%s is accepted", setting)
		}
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "X-Forwarded-For", ": 1.1.1.1"} {
		if h, err := explain.ParseHeader(text); err == nil {
			t.Errorf("%q is %v", text, h)
		}
	}
}

// TestAnswersBeforeTheInputEnds holds that a program may ask again after it read the answer.
func TestAnswersBeforeTheInputEnds(t *testing.T) {
	t.Parallel()
	in, ask := io.Pipe()
	hear, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- errors.Join(explain.Run(in, out, explain.Options{Stdin: true}), out.Close())
	}()
	answers := json.NewDecoder(hear)
	for _, peer := range []string{"203.0.113.9", "203.0.113.10"} {
		if _, err := io.WriteString(ask, `{"remoteAddr": "`+peer+`"}`+"\n"); err != nil {
			t.Fatal(err)
		}
		var a struct{ ClientIP string }
		if err := answers.Decode(&a); err != nil || a.ClientIP != peer {
			t.Fatalf("asked for %s, heard %v, %v", peer, a, err)
		}
	}
	if err := errors.Join(ask.Close(), <-done); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkThousandLines(b *testing.B) {
	line := `{"trustProxy": ["10.0.0.0/8", "loopback"], "remoteAddr": "10.0.0.1:5", "headers": [["X-Forwarded-For", "203.0.113.9, 10.0.0.2"], ["X-Forwarded-Proto", "https"]]}` + "\n"
	text := strings.Repeat(line, 1000)
	for b.Loop() {
		if err := explain.Run(strings.NewReader(text), io.Discard, explain.Options{Stdin: true}); err != nil {
			b.Fatal(err)
		}
	}
}
