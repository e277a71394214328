package table_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"onemcp/bench/table"
)

func example() *table.Table {
	return &table.Table{
		Row: "call", Title: "a call", Columns: []string{"calls/s", "CPU"},
		Lines: []table.Line{
			{Subject: "direct", Figures: []table.Figure{54321.4, table.Unknown()}},
			{Subject: "1mcp", Figures: []table.Figure{12.34, 0.456}},
		},
		Goals: []table.Goal{
			{What: "fast", Value: 1.5, Limit: 1.4},
			{What: "cheap", Value: 0.9, Limit: 0.65, Most: true},
			{What: "seen", Value: table.Unknown(), Limit: 1},
		},
		Notes: []string{"a note"},
	}
}

func TestTextLinesUp(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := example().Text(&out); err != nil {
		t.Fatal(err)
	}
	const want = `
call: a call

          calls/s   CPU
  direct    54321     –
  1mcp       12.3  0.46
  * fast: 1.50, at least 1.40: reached
  * cheap: 0.90, at most 0.65: NOT reached
  * seen: –, at least 1.00: not measured
  * a note
`
	if out.String() != want {
		t.Errorf("got %s", out.String())
	}
}

func TestMarkdownIsATable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := example().Markdown(&out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"### call", "|  | calls/s | CPU |", "|---|---:|---:|", "| direct | 54321 | – |", "- cheap: 0.90, at most 0.65: NOT reached"} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("no line %q in\n%s", line, out.String())
		}
	}
}

func TestUnknownFiguresAreNull(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal([]table.Figure{1.5, table.Unknown(), table.Figure(math.Inf(1))})
	if err != nil || string(text) != "[1.5,null,null]" {
		t.Errorf("%s, %v", text, err)
	}
}

func TestTheMedianLeavesOutTheUnknown(t *testing.T) {
	t.Parallel()
	tests := []struct {
		figures []table.Figure
		want    string
	}{
		{nil, "–"},
		{[]table.Figure{table.Unknown()}, "–"},
		{[]table.Figure{3, table.Unknown(), 1, 2}, "2.00"},
		{[]table.Figure{4, 1}, "2.50"},
	}
	for _, test := range tests {
		if got := table.Median(test.figures); got.String() != test.want {
			t.Errorf("%v: got %v, want %s", test.figures, got, test.want)
		}
	}
}
