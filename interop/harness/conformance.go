package harness

import (
	"context"
	"os/exec"
	"regexp"
	"testing"
)

// Score is what the official conformance suite says of one server, in the
// scenarios that count for a revision.
type Score struct {
	Passed []string
	Failed []string
	Output string
}

// Conformance runs the suite's requirements of a protocol revision against an
// endpoint.
func (n *Node) Conformance(ctx context.Context, t testing.TB, endpoint, revision string) Score {
	t.Helper()
	n.Need(t)
	cmd := exec.CommandContext(ctx, n.Path, modules("@modelcontextprotocol/conformance/dist/index.js"),
		"server", "--url", endpoint, "--requirements", revision, "-o", t.TempDir())
	out, err := cmd.CombinedOutput()
	score := scoreOf(string(out))
	if len(score.Passed)+len(score.Failed) == 0 {
		t.Fatalf("the conformance suite printed no score: %v\n%s", err, out)
	}
	return score
}

// scoreOf reads the lines of the summary, as "✓ ping: 2 passed, 0 failed",
// without those named again below it, as "✗ ping (reason)", for not counting.
func scoreOf(output string) Score {
	score := Score{Output: output}
	uncounted := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ +[✓✗] ([\w-]+) \(`).FindAllStringSubmatch(output, -1) {
		uncounted[m[1]] = true
	}
	counted := regexp.MustCompile(`(?m)^([✓✗]) ([\w-]+): \d+ passed, \d+ failed`)
	for _, m := range counted.FindAllStringSubmatch(output, -1) {
		switch sign, name := m[1], m[2]; {
		case uncounted[name]:
		case sign == "✓":
			score.Passed = append(score.Passed, name)
		default:
			score.Failed = append(score.Failed, name)
		}
	}
	return score
}
