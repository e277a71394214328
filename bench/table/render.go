package table

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Text writes a table for a terminal.
func (t *Table) Text(w io.Writer) error {
	rows := t.cells()
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s: %s\n\n", t.Row, t.Title)
	for _, row := range rows {
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				fmt.Fprintf(&out, "  %s%s", cell, pad)
			} else {
				fmt.Fprintf(&out, "  %s%s", pad, cell)
			}
		}
		out.WriteByte('\n')
	}
	for _, line := range append(t.verdicts(), t.Notes...) {
		fmt.Fprintf(&out, "  * %s\n", line)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// Markdown writes a table for a page.
func (t *Table) Markdown(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "### %s\n\n%s\n\n", t.Row, t.Title)
	for i, row := range t.cells() {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(&out, "|---%s|\n", strings.Repeat("|---:", len(row)-1))
		}
	}
	out.WriteByte('\n')
	for _, line := range append(t.verdicts(), t.Notes...) {
		fmt.Fprintf(&out, "- %s\n", line)
	}
	out.WriteByte('\n')
	_, err := io.WriteString(w, out.String())
	return err
}

// cells is the heading and the lines.
func (t *Table) cells() [][]string {
	rows := [][]string{append([]string{""}, t.Columns...)}
	for _, line := range t.Lines {
		row := []string{line.Subject}
		for _, figure := range line.Figures {
			row = append(row, figure.String())
		}
		rows = append(rows, row)
	}
	return rows
}

func (t *Table) verdicts() []string {
	var out []string
	for _, g := range t.Goals {
		side, verdict := "at least", "reached"
		if g.Most {
			side = "at most"
		}
		switch {
		case !g.Value.Known():
			verdict = "not measured"
		case !g.Reached():
			verdict = "NOT reached"
		}
		out = append(out, fmt.Sprintf("%s: %v, %s %v: %s", g.What, g.Value, side, g.Limit, verdict))
	}
	return out
}
