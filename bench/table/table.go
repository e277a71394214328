package table

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Figure is a number that may be unknown, which is NaN here and null in JSON.
type Figure float64

// Unknown is a figure that could not be measured.
func Unknown() Figure { return Figure(math.NaN()) }

// Known reports whether the figure was measured.
func (f Figure) Known() bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) }

// MarshalJSON implements [json.Marshaler].
func (f Figure) MarshalJSON() ([]byte, error) {
	if !f.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// String is the figure with three digits that count, and no fewer than the whole part has.
func (f Figure) String() string {
	switch v := math.Abs(float64(f)); {
	case !f.Known():
		return "–"
	case v >= 100 || v == 0:
		return fmt.Sprintf("%.0f", float64(f))
	case v >= 10:
		return fmt.Sprintf("%.1f", float64(f))
	default:
		return fmt.Sprintf("%.2f", float64(f))
	}
}

// Table is what one row of the benchmark found.
type Table struct {
	Row     string   `json:"row"`
	Title   string   `json:"title"`
	Columns []string `json:"columns"`
	Lines   []Line   `json:"lines"`
	Goals   []Goal   `json:"goals"`
	Notes   []string `json:"notes,omitempty"`
}

// Line is what was measured of one subject under one condition.
type Line struct {
	Subject string   `json:"subject"`
	Figures []Figure `json:"figures"` // one for each column
}

// Goal is a figure that has a limit.
type Goal struct {
	What  string `json:"what"`
	Value Figure `json:"value"`
	Limit Figure `json:"limit"`
	Most  bool   `json:"most"` // the limit is the largest value, not the least
}

// Reached reports whether the value is on the right side of the limit.
func (g Goal) Reached() bool {
	if !g.Value.Known() {
		return false
	}
	if g.Most {
		return g.Value <= g.Limit
	}
	return g.Value >= g.Limit
}

// Median returns the median of the known figures, Unknown when there are none.
func Median(figures []Figure) Figure {
	known := slices.DeleteFunc(slices.Clone(figures), func(f Figure) bool { return !f.Known() })
	if len(known) == 0 {
		return Unknown()
	}
	slices.Sort(known)
	if n := len(known); n%2 == 0 {
		return (known[n/2-1] + known[n/2]) / 2
	}
	return known[len(known)/2]
}
