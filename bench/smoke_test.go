package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"onemcp/bench/backend"
	"onemcp/bench/middle"
	"onemcp/bench/rows"
	"onemcp/bench/table"
)

// TestEveryRowRuns measures everything once and shortly, with the real programs. It says nothing
// about speed; it fails on any wrong answer.
func TestEveryRowRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := compile(t, dir)
	results, page := filepath.Join(dir, "results.json"), filepath.Join(dir, "results.md")
	cmd := exec.CommandContext(t.Context(), program, "-quick", "-quiet", "-json", results, "-markdown", page)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var tables []*table.Table
	read(t, results, &tables)
	if len(tables) != len(rows.All()) {
		t.Errorf("%d tables of %d rows", len(tables), len(rows.All()))
	}
	for _, table := range tables {
		if len(table.Lines) == 0 {
			t.Errorf("%s: nothing was measured", table.Row)
		}
		for _, label := range controls[table.Row] {
			if !measured(table, label) {
				t.Errorf("%s: no calls of %s", table.Row, label)
			}
		}
	}
	if info, err := os.Stat(page); err != nil || info.Size() == 0 {
		t.Errorf("no page: %v", err)
	}
}

// controls tell by row what is not ours of a growth.
var controls = map[string][]string{
	"call-http-20":    {"ReverseProxy, 1", "ReverseProxy, 20"},
	"call-stdio-20":   {"direct stdio, 1", "direct stdio, 20"},
	"growth-backends": {"one of 200", "200 origins", "ReverseProxy, 200 origins", "ReverseProxy, 1", "ReverseProxy, 20", "ReverseProxy, 200"},
}

// measured reports whether a subject made calls.
func measured(t *table.Table, label string) bool {
	return slices.ContainsFunc(t.Lines, func(l table.Line) bool { return l.Subject == label && l.Figures[1] > 0 })
}

// compile builds this program, which starts itself as backend and reference.
func compile(t *testing.T, dir string) string {
	t.Helper()
	program := filepath.Join(dir, "bench")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func TestAPeerByCommandStandsInTheMiddle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := compile(t, dir)
	results := filepath.Join(dir, "results.json")
	peer := "other/both/10/0/mcp=" + program + " reverse-proxy -listen 127.0.0.1:{port} -to {backend}"
	cmd := exec.CommandContext(t.Context(), program, "-quick", "-quiet", "-rows", "call-http", "-c", "2", "-peer", peer, "-json", results)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var tables []*table.Table
	read(t, results, &tables)
	if !measured(tables[0], "other") {
		t.Errorf("the peer was not measured: %+v", tables[0].Lines)
	}
}

func TestAPeerByURLStandsInTheMiddle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := compile(t, dir)
	backends, err := middle.Backends(program, dir, "127.0.0.1:0", 0) // as a user starts them before the gateway
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backends.Stop)
	var s middle.Setup
	s.Dir = dir
	s.Backends = []middle.Backend{{URL: backends.URL + "/both/10/0/mcp", Profile: backend.Profile{Era: backend.Both, Tools: 10}}}
	gateway, err := middle.ReverseProxy(program).Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gateway.Stop)
	results := filepath.Join(dir, "results.json")
	cmd := exec.CommandContext(t.Context(), program, "-quick", "-quiet", "-rows", "call-http", "-only", "direct,other", "-backends", backends.URL,
		"-peer", "other="+gateway.URL, "-json", results)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var tables []*table.Table
	read(t, results, &tables)
	if len(tables[0].Lines) != 2 || !measured(tables[0], "other") {
		t.Errorf("got %+v", tables[0].Lines)
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-rows", "nonsense"},
		{"-peer", "name"},
		{"-peer", "name=command without a port"},
		{"-peer", "name=http://127.0.0.1:1/mcp,pid"},
		{"-c", "0"},
		{"rest"},
	} {
		if err := runBench(t.Context(), args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
