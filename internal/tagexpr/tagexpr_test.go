package tagexpr_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"onemcp/internal/tagexpr"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, canonical string
		yes, no               []string // sets of tags, blank-separated
	}{
		{"one tag", "web", "web", []string{"web", "web api"}, []string{"", "api"}},
		{"comma is or", "web,api", "web or api", []string{"web", "api"}, []string{"", "db"}},
		{"plus is and", "web+api", "web and api", []string{"web api"}, []string{"web", "api"}},
		{"a blank is and", "web  api", "web and api", []string{"web api"}, []string{"web", "api"}},
		{"words in any case", "Web AND Not api OR db", "Web and not api or db", []string{"Web", "db api"}, []string{"Web api", "web"}},
		{"and binds tighter than or", "a,b+c", "a or b and c", []string{"a", "b c"}, []string{"b", "c"}},
		{"not binds tighter than and", "!a b", "not a and b", []string{"b"}, []string{"a b", ""}},
		{"parentheses", "(a,b)+c", "(a or b) and c", []string{"a c", "b c"}, []string{"a", "c"}},
		{"not of parentheses", "not(a,b)", "not (a or b)", []string{"", "c"}, []string{"a", "b"}},
		{"double not", "!!a", "not not a", []string{"a"}, []string{""}},
		{"superfluous parentheses", "((a))", "a", []string{"a"}, []string{"b"}},
		{"a blank before parentheses", "a (b or c)", "a and (b or c)", []string{"a b", "a c"}, []string{"a", "b c"}},
		{"a blank before not", "a !b", "a and not b", []string{"a"}, []string{"a b"}},
		{"a hyphen in front is not", "-a", "not a", []string{"", "b"}, []string{"a"}},
		{"a hyphen after a comma", "a,-b", "a or not b", []string{"a b", ""}, []string{"b"}},
		{"a hyphen after parentheses", "(a,b)-c", "(a or b) and not c", []string{"a", "b"}, []string{"a c", ""}},
		{"a single & inside a tag", "r&d", "r&d", []string{"r&d"}, []string{"r", "d"}},
		{"hyphens and keywords inside tags", "prod-test android", "prod-test and android", []string{"prod-test android"}, []string{"prod"}},
		{"letters of any script", "größe,日本", "größe or 日本", []string{"größe", "日本"}, []string{"g"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, err := tagexpr.Parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if e.String() != tt.canonical {
				t.Errorf("String = %q, want %q", e.String(), tt.canonical)
			}
			check(t, e, tt.yes, true)
			check(t, e, tt.no, false)
		})
	}
}

func check(t *testing.T, e tagexpr.Expr, sets []string, want bool) {
	t.Helper()
	for _, set := range sets {
		if got := e.Match(among(set)); got != want {
			t.Errorf("%s with tags %q = %v, want %v", e, set, got, want)
		}
	}
}

func among(set string) func(string) bool {
	tags := strings.Fields(set)
	return func(tag string) bool { return slices.Contains(tags, tag) }
}

func TestTheZeroExpressionMatchesEverything(t *testing.T) {
	t.Parallel()
	if !(tagexpr.Expr{}).Match(among("")) {
		t.Error("no match")
	}
}

func TestSyntaxErrorsNameTheColumn(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"empty", "", "column 1: expected a tag, found the end"},
		{"blanks", "  ", "column 3: expected a tag, found the end"},
		{"trailing operator", "a and", "column 6: expected a tag, found the end"},
		{"leading operator", ",a", `column 1: expected a tag, found ","`},
		{"two operators", "a or , b", `column 6: expected a tag, found ","`},
		{"another language's and", "a && b", `column 3: expected a tag, found "&&" (the operators are and, or, not)`},
		{"another language's or", "a||b", `column 1: expected a tag, found "a||b" (the operators are and, or, not)`},
		{"not alone", "!", "column 2: expected a tag, found the end"},
		{"not closed", "(a, b", `column 6: expected ")", found the end`},
		{"not opened", "ü)", `column 2: expected and, or, or the end, found ")"`},
		{"empty parentheses", "()", `column 2: expected a tag, found ")"`},
		{"too long", strings.Repeat("(", tagexpr.MaxLength+1), "column 1: the expression is longer than 4096 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tagexpr.Parse(tt.text)
			if _, ok := errors.AsType[*tagexpr.SyntaxError](err); !ok || err.Error() != tt.want {
				t.Errorf("error = %v, want %s", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a", "a,b+c", "!(a or b) not c", "((", "and", "a\u00a0b", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := tagexpr.Parse(text)
		if err != nil {
			return
		}
		again, err := tagexpr.Parse(e.String())
		if err != nil && len(e.String()) <= tagexpr.MaxLength {
			t.Fatalf("%q became %q: %v", text, e, err)
		}
		if err == nil && again.String() != e.String() {
			t.Fatalf("%q became %q became %q", text, e, again)
		}
		e.Match(func(tag string) bool { return len(tag)%2 == 0 })
	})
}
