package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"onemcp/bench/middle"
	"onemcp/bench/rows"
	"onemcp/bench/table"
)

// options are what the command line says.
type options struct {
	rows     string
	list     bool
	quick    bool
	quiet    bool
	time     time.Duration
	rounds   int
	clients  string
	only     string
	oneMCP   string
	source   string
	backends string
	json     string
	markdown string
	peers    []middle.Kind
}

func parse(args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.rows, "rows", "", "names of the rows to measure, with commas between; all without it")
	flags.BoolVar(&o.list, "list", false, "list the rows and end")
	flags.BoolVar(&o.quick, "quick", false, "run everything once and shortly: it shows that it works, and no more")
	flags.BoolVar(&o.quiet, "quiet", false, "do not say what is being measured")
	flags.DurationVar(&o.time, "time", 2*time.Second, "length of one measurement")
	flags.IntVar(&o.rounds, "rounds", 5, "measurements of each, of which the median counts")
	flags.StringVar(&o.clients, "c", "", "numbers of clients at one time, with commas between; each row has its own without it")
	flags.StringVar(&o.only, "only", "", "subjects to measure, as the tables name them, with commas between; all without it")
	flags.StringVar(&o.oneMCP, "1mcp", "", "the gateway's binary; without it, it is built from -source")
	flags.StringVar(&o.source, "source", "..", "directory of the gateway's source")
	flags.StringVar(&o.json, "json", "", "file to write the results to, as JSON")
	flags.StringVar(&o.markdown, "markdown", "", "file to write the results to, as Markdown")
	flags.StringVar(&o.backends, "backends", "", "address for the HTTP backends to listen on, so that a peer named by URL can be told it, or the URL of those that run already")
	flags.Func("peer", "another gateway, NAME=URL[,PID] or NAME=COMMAND with {port} and {backend} or {stdio}; may be repeated", func(value string) error {
		peer, err := middle.Peer(value)
		o.peers = append(o.peers, peer)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	return o, nil
}

func runBench(ctx context.Context, args []string) error {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	chosen, err := choose(o.rows)
	if err != nil {
		return err
	}
	if o.list {
		for _, row := range chosen {
			fmt.Printf("%-16s %s\n", row.Name, row.Title)
		}
		return nil
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	lab, stop, err := o.lab(dir)
	if err != nil {
		return err
	}
	defer stop()
	tables, err := measure(ctx, lab, chosen)
	return errors.Join(err, o.write(tables))
}

// choose returns the rows of a list of names.
func choose(names string) ([]rows.Row, error) {
	if names == "" {
		return rows.All(), nil
	}
	var chosen []rows.Row
	for name := range strings.SplitSeq(names, ",") {
		row, ok := find(name)
		if !ok {
			return nil, fmt.Errorf("there is no row %q; -list shows all", name)
		}
		chosen = append(chosen, row)
	}
	return chosen, nil
}

func find(name string) (rows.Row, bool) {
	for _, row := range rows.All() {
		if row.Name == name {
			return row, true
		}
	}
	return rows.Row{}, false
}

// measure measures the rows and shows each when it is done. A row that fails does not keep the
// others from being measured.
func measure(ctx context.Context, lab *rows.Lab, chosen []rows.Row) ([]*table.Table, error) {
	var tables []*table.Table
	var errs []error
	for _, row := range chosen {
		t, err := row.Measure(ctx, lab)
		if ctx.Err() != nil {
			return tables, ctx.Err()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			errs = append(errs, err)
			continue
		}
		tables = append(tables, t)
		if err := t.Text(os.Stdout); err != nil {
			return tables, err
		}
	}
	if len(errs) > 0 {
		return tables, fmt.Errorf("%d of %d rows failed", len(errs), len(chosen))
	}
	return tables, nil
}

// write writes the files that were asked for.
func (o *options) write(tables []*table.Table) error {
	var errs []error
	if o.json != "" {
		text, err := json.MarshalIndent(tables, "", "  ")
		errs = append(errs, err, os.WriteFile(o.json, append(text, '\n'), 0o644))
	}
	if o.markdown != "" {
		var out strings.Builder
		for _, t := range tables {
			errs = append(errs, t.Markdown(&out))
		}
		errs = append(errs, os.WriteFile(o.markdown, []byte(out.String()), 0o644))
	}
	return errors.Join(errs...)
}

// build builds the gateway.
func build(source, dir string) (string, error) {
	binary := filepath.Join(dir, "1mcp")
	cmd := exec.Command("go", "build", "-o", binary, "./cmd/1mcp")
	cmd.Dir = source
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build 1mcp in %s: %w\n%s", source, err, out)
	}
	return binary, nil
}

func (o *options) progress() func(string, ...any) {
	var to io.Writer = os.Stderr
	if o.quiet {
		to = io.Discard
	}
	return func(format string, args ...any) { fmt.Fprintf(to, format+"\n", args...) }
}
