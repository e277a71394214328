package doctor

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Print writes the report for people. proxy selects whose lines are shown: one of [Proxies], "all", or
// "" for the one that was recognised, and all when none was.
func (r *Report) Print(w io.Writer, proxy string) error {
	if proxy == "" {
		proxy = r.Proxy
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.way())
	if r.Seen != nil {
		fmt.Fprintf(&b, "the gateway sees client %s (%s), scheme %s, host %s; its public URL is %s\n", r.Seen.address(), r.Seen.Status, r.Seen.Scheme, clip(r.Seen.Host), r.Seen.BaseURL)
	}
	for _, f := range slices.Concat(r.Findings, r.Notes) {
		b.WriteString("\n")
		f.print(&b, proxy)
	}
	fmt.Fprintf(&b, "\n%s\n", r.verdict())
	_, err := io.WriteString(w, b.String())
	return err
}

func (w *Whoami) address() string {
	if w.Client() == "" {
		return "unknown"
	}
	return w.Client()
}

// way is the chain on one line.
func (r *Report) way() string {
	var hops []string
	for _, h := range r.Chain {
		text := h.Role + " " + clip(h.Address)
		if h.Trusted {
			text += " (trusted)"
		}
		hops = append(hops, text)
	}
	return strings.Join(hops, " → ")
}

func (f *Finding) print(b *strings.Builder, proxy string) {
	fmt.Fprintf(b, "%s %s: %s\n", strings.ToUpper(string(f.Severity)), f.ID, f.Sentence)
	for _, fix := range f.shown(proxy) {
		fmt.Fprintf(b, "  %s:\n", fix.For)
		for _, line := range fix.Lines {
			fmt.Fprintf(b, "      %s\n", line)
		}
	}
}

// shown leaves out the lines for other proxies, unless there are none for this one.
func (f *Finding) shown(proxy string) []Fix {
	mine := func(fix Fix) bool { return strings.EqualFold(fix.For, proxy) }
	if !slices.ContainsFunc(f.Fixes, mine) {
		return f.Fixes
	}
	return slices.DeleteFunc(slices.Clone(f.Fixes), func(fix Fix) bool { return slices.Contains(Proxies(), fix.For) && !mine(fix) })
}

func (r *Report) verdict() string {
	var errors, warnings int
	for _, f := range r.Findings {
		if f.Severity == Error {
			errors++
		} else {
			warnings++
		}
	}
	text := fmt.Sprintf("%s, %s", count(errors, "error"), count(warnings, "warning"))
	switch {
	case r.Stopped != "":
		return text + "; the run could not be finished: " + r.Stopped
	case errors+warnings == 0:
		return "nothing is wrong"
	}
	return text
}
