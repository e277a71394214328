// Command report reads what go test -json writes and tells people the rest: a line for each
// package, the output of what failed, every skipped test with its reason, and the sums. Its exit
// code is 1 when something failed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	began := time.Now()
	r := report{out: os.Stdout, held: map[string][]string{}}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
	if !r.finish(time.Since(began)) {
		os.Exit(1)
	}
}

// event is a line of go test -json.
type event struct {
	Action, Package, Test, Output string
}

type report struct {
	out                     io.Writer
	held                    map[string][]string // output of tests that have not ended, and of packages
	passed, failed, skipped int
	skips                   []string
	broken                  bool // a package failed, be it without a test
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(r.out, lines.Text()) // not from a test: the compiler's, say
			continue
		}
		r.take(e)
	}
	return lines.Err()
}

func (r *report) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		if e.Test == "" {
			r.packageLine(e.Output)
		} else {
			r.held[key] = append(r.held[key], e.Output)
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.broken = r.broken || e.Action == "fail"
		} else {
			r.ended(e, r.held[key])
		}
		delete(r.held, key)
	}
}

// packageLine passes on what belongs to no test, but for the words that say less than the next line.
func (r *report) packageLine(line string) {
	if line != "PASS\n" && line != "FAIL\n" && !strings.HasSuffix(line, "[no test files]\n") {
		_, _ = io.WriteString(r.out, line)
	}
}

func (r *report) ended(e event, output []string) {
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped++
		r.skips = append(r.skips, fmt.Sprintf("--- SKIP: %s %s: %s", e.Package, e.Test, reason(output)))
	case "fail":
		r.failed++
		_, _ = io.WriteString(r.out, strings.Join(output, ""))
	}
}

// reason returns what a skipped test said.
func reason(output []string) string {
	for _, line := range output {
		if at := strings.Index(line, "_test.go:"); at >= 0 {
			_, text, _ := strings.Cut(line[at+len("_test.go:"):], ": ")
			return strings.TrimSpace(text)
		}
	}
	return "no reason given"
}

// finish tells the skips and the sums, in the last line as go test does.
func (r *report) finish(took time.Duration) (ok bool) {
	for _, skip := range r.skips {
		fmt.Fprintln(r.out, skip)
	}
	ok = r.failed == 0 && !r.broken && r.passed > 0
	verdict := "ok  "
	if !ok {
		verdict = "FAIL"
	}
	fmt.Fprintf(r.out, "%s\t%d passed, %d failed, %d skipped\t%.1fs\n", verdict, r.passed, r.failed, r.skipped, took.Seconds())
	return ok
}
