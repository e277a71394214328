package policy_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines   = 500
	maxMedianLines = 12
	maxP90Lines    = 40
)

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, file := range tree(t) {
		if file.lines > maxFileLines {
			t.Errorf("%s has %d lines, more than %d; split it", file.path, file.lines, maxFileLines)
		}
	}
}

// TestFunctionsAreShort looks at each package by itself, so that a large one with short functions
// does not hide a small one with long ones.
func TestFunctionsAreShort(t *testing.T) {
	t.Parallel()
	lengths := map[string][]int{}
	for _, file := range tree(t) {
		if file.test {
			continue
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				first, last := file.fileSet.Position(f.Pos()).Line, file.fileSet.Position(f.End()).Line
				lengths[file.pkg] = append(lengths[file.pkg], last-first+1)
			}
		}
	}
	for pkg, all := range lengths {
		slices.Sort(all)
		if median := all[len(all)/2]; len(all) > 5 && median > maxMedianLines {
			t.Errorf("%s: the median function has %d lines, more than %d", pkg, median, maxMedianLines)
		}
		if p90 := all[len(all)*9/10]; p90 > maxP90Lines {
			t.Errorf("%s: a tenth of the functions has %d lines or more; the limit is %d", pkg, p90, maxP90Lines)
		}
	}
}

func TestTestsDoNotSleep(t *testing.T) {
	t.Parallel()
	for _, file := range tree(t) {
		if !file.test {
			continue
		}
		ast.Inspect(file.File, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok || call.Sel.Name != "Sleep" || usesSynctest(file) {
				return true
			}
			if x, ok := call.X.(*ast.Ident); ok && x.Name == "time" {
				t.Errorf("%s: time.Sleep; wait for a fact", file.position(n.Pos()))
			}
			return true
		})
	}
}

// usesSynctest reports whether the file's time is not real: there, sleeping is exact and takes none.
func usesSynctest(file source) bool { return slices.Contains(file.imports(), "testing/synctest") }

func TestPackageNamesSayWhatIsInside(t *testing.T) {
	t.Parallel()
	for _, file := range tree(t) {
		for _, word := range []string{"util", "utils", "common", "helpers", "misc"} {
			if strings.TrimSuffix(file.Name.Name, "_test") == word {
				t.Errorf("%s: a package called %s holds anything", file.path, word)
			}
		}
	}
}
