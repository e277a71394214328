package interop_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

var update = flag.Bool("update", false, "write what the conformance suite says into docs/compatibility.md")

// reason says why a scenario cannot pass between a client of one era and the
// reference server in the other.
type reason struct {
	scenario string
	client   clients.Era
	why      string
}

// reasons are in the order of scenarios' names for each client.
func reasons() []reason {
	const cannotAsk = "In the modern era the reference server does not ask: its tool sends a request of its own, which its SDK refuses."
	return []reason{
		{"elicitation-sep1034-defaults", clients.Legacy, cannotAsk},
		{"elicitation-sep1330-enums", clients.Legacy, cannotAsk},
		{"tools-call-elicitation", clients.Legacy, cannotAsk},
		{"tools-call-sampling", clients.Legacy, cannotAsk},
		{"input-required-result-basic-elicitation", clients.Modern,
			"The scenario wants the question under the key `user_name`. A question of the legacy era has no key; the gateway gives it one."},
		{"input-required-result-multi-round", clients.Modern,
			"In the legacy era the reference server asks once and never a second time."},
	}
}

// inexpressible are the scenarios that fail for a client before a backend.
func inexpressible(client, backend clients.Era) (scenarios []string) {
	if backend == clients.Auto || backend == client {
		return nil
	}
	for _, r := range reasons() {
		if r.client == client {
			scenarios = append(scenarios, r.scenario)
		}
	}
	return scenarios
}

// suiteTable shows the scores, and below them each scenario that failed with
// its reason.
func suiteTable(rows []scores) string {
	var b strings.Builder
	b.WriteString("| backend | legacy client, `/mcp/servers/<name>` | legacy client, `/mcp` | modern client, `/mcp/servers/<name>` | modern client, `/mcp` |\n")
	b.WriteString("|---|---|---|---|---|\n")
	failed := map[string]bool{}
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s |", row.title)
		for _, c := range row.cells {
			fmt.Fprintf(&b, " %d of %d |", c.passed, c.of)
			for _, scenario := range c.failed {
				failed[scenario] = true
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n| client, backend | scenario | why it does not pass |\n|---|---|---|\n")
	for _, r := range reasons() {
		if failed[r.scenario] {
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", crossing(r.client), r.scenario, r.why)
		}
	}
	return b.String()
}

// crossing names a client and the backend of the other era.
func crossing(client clients.Era) string {
	if client == clients.Legacy {
		return "legacy, modern"
	}
	return "modern, legacy"
}

// documented compares a generated part of docs/compatibility.md, between two
// comments that bear its name, with what the run gave.
func documented(t *testing.T, part, want string) {
	t.Helper()
	file := filepath.Join(filepath.Dir(harness.Root()), "docs", "compatibility.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- generated: "+part+" -->\n", "<!-- end: "+part+" -->"
	before, rest, found := strings.Cut(string(text), begin)
	got, after, ended := strings.Cut(rest, end)
	switch {
	case !found || !ended:
		t.Fatalf("%s has no part between %q and %q", file, begin, end)
	case got == want:
	case *update && !t.Failed():
		if err := os.WriteFile(file, slices.Concat([]byte(before+begin), []byte(want), []byte(end+after)), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/compatibility.md does not say what this run gave; `go test -run Conformance . -update` in interop/ writes it.\nit says:\n%s\nthis run:\n%s", got, want)
	}
}
