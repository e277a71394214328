package main

import (
	"strings"
	"testing"
)

func run(t *testing.T, events string) (out string, ok bool) {
	t.Helper()
	var b strings.Builder
	r := report{out: &b, held: map[string][]string{}}
	if err := r.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	ok = r.finish(0)
	return b.String(), ok
}

func TestReport(t *testing.T) {
	t.Parallel()
	const passes = `{"Action":"output","Package":"p","Test":"A","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"B","Output":"    b_test.go:7: no such program here\n"}
{"Action":"skip","Package":"p","Test":"B"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`
	for _, test := range []struct {
		name, events, want string
		ok                 bool
	}{
		{"a pass and a skip", passes, "ok  \tp\t0.1s\n--- SKIP: p B: no such program here\nok  \t1 passed, 0 failed, 1 skipped\t0.0s\n", true},
		{"a failure", `{"Action":"output","Package":"p","Test":"A","Output":"--- FAIL: A\n"}
{"Action":"fail","Package":"p","Test":"A"}
{"Action":"fail","Package":"p"}
`, "--- FAIL: A\nFAIL\t0 passed, 1 failed, 0 skipped\t0.0s\n", false},
		{"a package that does not build", passes + `{"Action":"build-output","ImportPath":"q","Output":"q.go:1:1: oops\n"}
{"Action":"fail","Package":"q"}
`, "ok  \tp\t0.1s\nq.go:1:1: oops\n--- SKIP: p B: no such program here\nFAIL\t1 passed, 0 failed, 1 skipped\t0.0s\n", false},
		{"words of somebody else", "go: cannot find module\n" + passes[:strings.Index(passes, "\n")+1], "go: cannot find module\nFAIL\t0 passed, 0 failed, 0 skipped\t0.0s\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if out, ok := run(t, test.events); out != test.want || ok != test.ok {
				t.Errorf("ok: %v, want %v; got\n%s\nwant\n%s", ok, test.ok, out, test.want)
			}
		})
	}
}
