package cli

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"onemcp/internal/accesslog"
)

// logging is how a long-running command writes its log.
type logging struct {
	level  slog.LevelVar
	fixed  bool // by a flag: the configuration does not change the level
	screen bool // a person reads the start-up print; the log is for trouble alone

	access *accesslog.Log
	buffer *accesslog.Buffer // holds lines of requests for a moment; to be flushed in the end
}

// logFlags are the flags of the same names.
type logFlags struct{ level, format string }

func (f logFlags) check() error {
	if err := oneOf("--log-level", f.level, "debug", "info", "warn", "error"); err != nil {
		return err
	}
	return oneOf("--log-format", f.format, "auto", "text", "json")
}

func oneOf(flag, value string, allowed ...string) error {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s must be one of %s", flag, strings.Join(allowed, ", "))
}

// newLog returns the log that the flags ask for, else the configuration, else the place: a print for
// a person on a terminal, JSON lines elsewhere.
func newLog(w io.Writer, terminal bool, flags logFlags, configured string) (*slog.Logger, *logging) {
	format := flags.format
	if format == "" {
		format = configured
	}
	l := &logging{fixed: flags.level != "", screen: terminal && format != "json" && format != "text"}
	if l.fixed {
		_ = l.level.UnmarshalText([]byte(flags.level)) // checked
	}
	o := &slog.HandlerOptions{Level: &l.level}
	l.buffer = accesslog.NewBuffer(w)
	if l.screen || format == "text" {
		text := slog.NewTextHandler(l.buffer, o)
		l.access = accesslog.New(slog.New(text), nil)
		return slog.New(l.buffer.Through(text)), l
	}
	lines := slog.NewJSONHandler(l.buffer, o)
	l.access = accesslog.New(slog.New(lines), l.buffer)
	return slog.New(l.buffer.Through(lines)), l
}

// set follows the configuration's level, where no flag stands above it.
func (l *logging) set(level string) {
	if l.fixed {
		return
	}
	if l.screen && level == "info" {
		level = "error" // the print tells the rest
	}
	_ = l.level.UnmarshalText([]byte(level)) // the configuration has checked it
}
