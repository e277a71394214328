package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"onemcp/internal/fault"
	"onemcp/internal/trace"
)

// traceFlags are --trace-mcp and --trace-mcp-full.
type traceFlags struct {
	file string
	full bool
}

// check finds what is wrong with the flags by themselves; given tells whether --trace-mcp was.
func (f traceFlags) check(given bool) error {
	switch {
	case f.full && f.file == "":
		return errors.New("--trace-mcp-full needs a file: --trace-mcp FILE --trace-mcp-full")
	case given && f.file == "":
		return fault.New(fault.Invalid, "--trace-mcp is empty").WithHint("name the file to write")
	case f.file == "-":
		return fault.New(fault.Invalid, "--trace-mcp - names no file").WithHint("name one, such as trace.jsonl")
	}
	return nil
}

// apart refuses a file that a trace would spoil: the configuration, and what the client on stdout, if there is one, reads.
func (f traceFlags) apart(dir, config string, stdout io.Writer) error {
	file, err := os.Stat(f.path(dir))
	if err != nil {
		return nil // a new one, or one that opening tells of
	}
	if c, err := os.Stat(config); err == nil && os.SameFile(file, c) {
		return fault.New(fault.Invalid, "--trace-mcp %s is the configuration file", f.file).WithHint("name another file")
	}
	if out, ok := stdout.(*os.File); ok {
		if o, err := out.Stat(); err == nil && os.SameFile(file, o) {
			return fault.New(fault.Invalid, "--trace-mcp %s is where the client of --stdio reads its messages", f.file).WithHint("name another file")
		}
	}
	return nil
}

// path is the file's, from dir; empty without a trace.
func (f traceFlags) path(dir string) string {
	if f.file == "" || filepath.IsAbs(f.file) {
		return f.file
	}
	return filepath.Join(dir, f.file)
}

// options returns what the flags ask for; a path in them is one from dir.
func (f traceFlags) options(dir string, log *slog.Logger) trace.Options {
	return trace.Options{Path: f.path(dir), Full: f.full, Log: log}
}

// fullTrace warns of a trace that hides nothing.
const fullTrace = "EVERY MESSAGE IS WRITTEN DOWN AS IT IS, with all passwords, tokens and personal data in it"

// shout tells of a danger that must not be missed, in the print for a person or in the log.
func (l *logging) shout(w io.Writer, log *slog.Logger, danger, file string) {
	if l.screen {
		fmt.Fprintf(w, "%s\n  (trace file: %s)\n\n", danger, file)
		return
	}
	log.Warn(danger, "file", file)
}
