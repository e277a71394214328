package harness

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// clientLimit is when the suite takes a client for hung.
const clientLimit = time.Minute

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
	out, err := n.suite(ctx, t, "server", "--url", endpoint, "--requirements", revision)
	score := scoreOf(out)
	if len(score.Passed)+len(score.Failed) == 0 {
		t.Fatalf("the conformance suite printed no score: %v\n%s", err, out)
	}
	return score
}

// ConformsIn runs one scenario of the suite against an endpoint, and fails
// the test if a check of it does.
func (n *Node) ConformsIn(ctx context.Context, t testing.TB, scenario, endpoint, revision string) {
	t.Helper()
	out, err := n.suite(ctx, t, "server", "--url", endpoint, "--scenario", scenario, "--spec-version", revision)
	faultless(t, scenario, out, err)
}

// ClientConformsIn runs one of the suite's scenarios for clients: the command,
// which gets the URL of the suite's server as its last argument, is the client.
// It fails the test if a check fails or warns.
func (n *Node) ClientConformsIn(ctx context.Context, t testing.TB, scenario, revision string, command ...string) {
	t.Helper()
	limit := fmt.Sprint(clientLimit.Milliseconds())
	out, err := n.suite(ctx, t, "client", "--command", strings.Join(command, " "),
		"--scenario", scenario, "--spec-version", revision, "--timeout", limit)
	faultless(t, scenario, out, err)
}

// suite runs the suite and returns what it printed.
func (n *Node) suite(ctx context.Context, t testing.TB, args ...string) (string, error) {
	t.Helper()
	n.Need(t)
	args = append([]string{modules("@modelcontextprotocol/conformance/dist/index.js")}, args...)
	cmd := exec.CommandContext(ctx, n.Path, append(args, "-o", t.TempDir())...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// faultless wants the sum of at least one check, none failed and none warned of.
func faultless(t testing.TB, scenario, out string, err error) {
	t.Helper()
	var passed, checks, failed, warned int
	at := strings.LastIndex(out, "Passed: ")
	if at >= 0 {
		_, _ = fmt.Sscanf(out[at:], "Passed: %d/%d, %d failed, %d warnings", &passed, &checks, &failed, &warned) // what is missing stays 0
	}
	if err != nil || passed == 0 || passed != checks || failed > 0 || warned > 0 {
		t.Errorf("%s: %d of %d checks passed, %v\n%s", scenario, passed, checks, err, out)
	}
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
