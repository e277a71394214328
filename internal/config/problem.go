package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is something wrong in a configuration, and where.
// It holds no value that may be a secret.
type Problem struct {
	File         string // the file, or "" when a flag or variable is meant
	Line, Column int    // 1-based, the column in characters; 0 when the whole file is meant
	Path         string // JSON path, such as mcpServers.files.env.TOKEN, or the flag or variable
	Message      string // one sentence
	Hint         string // the remedy; may be empty
	Warning      bool   // the configuration works all the same
	Server       string // the one server that cannot be used; "" when it concerns all
}

// String returns file:line:column: path: sentence (hint), without the parts that are not known.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems are all that was found, in the order of the file. A non-empty list is an error value.
type Problems []Problem

// Error returns one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Errors returns the problems that are not warnings.
func (ps Problems) Errors() Problems { return ps.where(func(p Problem) bool { return !p.Warning }) }

// Warnings returns the problems that are warnings.
func (ps Problems) Warnings() Problems { return ps.where(func(p Problem) bool { return p.Warning }) }

// Of returns the errors that make one server unusable.
func (ps Problems) Of(server string) Problems {
	return ps.where(func(p Problem) bool { return !p.Warning && p.Server == server })
}

// HasErrors reports whether anything is wrong, be it for all or for one server.
func (ps Problems) HasErrors() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning })
}

// Fatal reports whether something is wrong that leaves no configuration to work with.
func (ps Problems) Fatal() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning && p.Server == "" })
}

func (ps Problems) where(keep func(Problem) bool) Problems {
	var kept Problems
	for _, p := range ps {
		if keep(p) {
			kept = append(kept, p)
		}
	}
	return kept
}

// sorted puts the problems in the order of the file.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return ps
}
