package rows

import (
	"slices"
	"strings"
	"testing"

	"onemcp/bench/table"
)

func TestGoalsAreRatiosOfTwoSubjects(t *testing.T) {
	t.Parallel()
	found := laps{
		ours:   {16: {perSecond: 300, p50: 150, each: 7}},
		proxy:  {16: {perSecond: 200, p50: 200, each: 9}},
		direct: {16: {perSecond: 900, p50: 100, each: table.Unknown()}},
	}
	tests := []struct {
		name string
		goal goal
		want table.Figure
	}{
		{"a ratio", goal{figure: perSecond, of: ours, than: proxy}, 1.5},
		{"of what is added", goal{figure: p50, of: ours, than: proxy, less: direct}, 0.5},
		{"what is added", goal{figure: perSecond, of: ours, than: proxy, added: true}, 100},
		{"a figure itself", goal{figure: each, of: ours}, 7},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := test.goal.evaluate(found, []int{16})
			if len(got) != 1 || got[0].Value != test.want {
				t.Errorf("got %+v, want %v", got, test.want)
			}
		})
	}
}

func TestGoalsOfWhatDidNotRunAreLeftOut(t *testing.T) {
	t.Parallel()
	found := laps{ours: {16: {perSecond: 300}}}
	for _, g := range []goal{
		{figure: perSecond, of: ours, than: "nginx"},
		{figure: perSecond, of: "nginx"},
		{figure: perSecond, of: ours, than: ours, less: direct},
		{figure: perSecond, of: ours, clients: []int{64}},
	} {
		if got := g.evaluate(found, []int{16}); len(got) > 0 {
			t.Errorf("%+v gives %+v", g, got)
		}
	}
}

func TestADoubtIsToldWhereDirectIsNotMuchFaster(t *testing.T) {
	t.Parallel()
	found := laps{
		direct:            {16: {perSecond: 900}},
		direct + " stdio": {16: {perSecond: 800}},
		"fast":            {16: {perSecond: 500}},
		"slow":            {16: {perSecond: 400}},
		bare:              {16: {perSecond: 700}},

		directPipes + ", 20": {16: {perSecond: 600}}, // a control bounds only those in front of as many
	}
	got := doubts(found, []int{16})
	if len(got) != 1 || !strings.Contains(got[0], "1.60 times as fast as fast") {
		t.Errorf("got %q", got)
	}
	delete(found, direct)
	delete(found, direct+" stdio")
	if got := doubts(found, []int{16}); len(got) > 0 {
		t.Errorf("without direct: %q", got)
	}
}

func TestRowsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, row := range All() {
		if row.Name == "" || row.Title == "" || seen[row.Name] {
			t.Errorf("row %q: %q", row.Name, row.Title)
		}
		seen[row.Name] = true
	}
}

func TestNotesSayWhatControlsAdd(t *testing.T) {
	t.Parallel()
	c := control{name: "x"}
	r := race{reference: "x, 1", notes: c.notes(1, 20)}
	few := &runner{subject: subject{label: "x, 1"}, rounds: map[int][]lap{16: {{perSecond: 200, cpu: 2}}}}
	many := &runner{subject: subject{label: "x, 20"}, rounds: map[int][]lap{16: {{perSecond: 100, cpu: 5}}}}
	want := []string{
		"control: calls/s of x, 20 of that of x, 1, c=16: 0.50",
		"control: CPU per call of x, 20 of that of x, 1, c=16: 2.50",
		"control: CPU µs that a call of x, 20 costs more than of x, 1, c=16: 3.00",
	}
	if got := r.table([]*runner{few, many}, []int{16}).Notes; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestControlsAreChosenByName(t *testing.T) {
	t.Parallel()
	l := &Lab{Only: []string{direct, proxy}}
	for label, out := range map[string]bool{direct: false, "ReverseProxy, 20": false, "direct stdio, 1": true, "nginx": true} {
		if l.leavesOut(label) != out {
			t.Errorf("%s is left out: %v", label, !out)
		}
	}
	if (&Lab{}).leavesOut(direct) {
		t.Error("something is left out that nobody named")
	}
}
