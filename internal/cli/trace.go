package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"onemcp/internal/trace"
)

// traceFlags are --trace-mcp and --trace-mcp-full.
type traceFlags struct {
	file string
	full bool
}

func (f traceFlags) check() error {
	if f.full && f.file == "" {
		return errors.New("--trace-mcp-full needs a file: --trace-mcp FILE --trace-mcp-full")
	}
	return nil
}

// options returns what the flags ask for; a path in them is one from dir.
func (f traceFlags) options(dir string, log *slog.Logger) trace.Options {
	path := f.file
	if path != "" && !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return trace.Options{Path: path, Full: f.full, Log: log}
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
