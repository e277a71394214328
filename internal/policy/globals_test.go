package policy_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

func TestThereAreNoInitFunctions(t *testing.T) {
	t.Parallel()
	for _, file := range tree(t) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init", file.position(f.Pos()))
			}
		}
	}
}

// TestPackageVariablesDoNotChange admits variables at package level that are set where they are
// declared, hold no machinery, and are never assigned to, nor their address taken: error values,
// compiled patterns, tables.
func TestPackageVariablesDoNotChange(t *testing.T) {
	t.Parallel()
	packages := map[string][]source{}
	for _, file := range tree(t) {
		if !file.test && !strings.HasSuffix(file.pkg, "test") { // those are for tests only
			packages[file.pkg] = append(packages[file.pkg], file)
		}
	}
	for pkg, files := range packages {
		for _, file := range files {
			for _, d := range file.Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
					declared(t, file, g)
				}
			}
		}
		for _, change := range changes(pkg, files) {
			t.Error(change)
		}
	}
}

// declared holds the declarations of variables against the rule.
func declared(t *testing.T, file source, g *ast.GenDecl) {
	t.Helper()
	for _, s := range g.Specs {
		spec := s.(*ast.ValueSpec)
		if spec.Names[0].Name == "_" || embedded(g.Doc) || embedded(spec.Doc) {
			continue
		}
		if len(spec.Values) == 0 {
			t.Errorf("%s: %s has no value where it is declared", file.position(spec.Pos()), spec.Names[0])
		}
		for _, value := range spec.Values {
			if why := machinery(value); why != "" {
				t.Errorf("%s: %s is %s", file.position(spec.Pos()), spec.Names[0], why)
			}
		}
	}
}

func embedded(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if strings.HasPrefix(c.Text, "//go:embed ") {
			return true
		}
	}
	return false
}

// machinery says what makes a value more than a constant that Go cannot express; "" when nothing does.
func machinery(value ast.Expr) string {
	switch v := value.(type) {
	case *ast.UnaryExpr:
		if v.Op == token.AND {
			return "a pointer to something that may change"
		}
	case *ast.CompositeLit:
		if name := types.ExprString(litType(v)); strings.HasPrefix(name, "sync.") || strings.HasPrefix(name, "atomic.") {
			return "shared machinery"
		}
	case *ast.CallExpr:
		name := types.ExprString(v.Fun)
		if name == "make" || name == "new" && len(v.Args) == 0 {
			return "empty and waits for somebody to fill it"
		}
		if strings.HasPrefix(name, "sync.") || strings.HasPrefix(name, "context.") {
			return "shared machinery"
		}
	}
	return ""
}

func litType(v *ast.CompositeLit) ast.Expr {
	if v.Type == nil {
		return ast.NewIdent("")
	}
	return v.Type
}

// changes finds the statements that change a variable of the package.
func changes(pkg string, files []source) (found []string) {
	var asts []*ast.File
	for _, f := range files {
		asts = append(asts, f.File)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Error: func(error) {}, Importer: noImports{}, DisableUnusedImportCheck: true}
	checked, _ := conf.Check(pkg, files[0].fileSet, asts, info) // errors of what is imported are expected
	for _, file := range files {
		ast.Inspect(file.File, func(n ast.Node) bool {
			for _, target := range targets(n) {
				v, ok := info.Uses[base(target)].(*types.Var)
				if ok && v.Parent() == checked.Scope() {
					found = append(found, fmt.Sprintf("%s: %s is changed", file.position(n.Pos()), v.Name()))
				}
			}
			return true
		})
	}
	return found
}

func TestChangesOfPackageVariablesAreFound(t *testing.T) {
	t.Parallel()
	const text = `package p
import "elsewhere"
var table = map[string]elsewhere.T{}
var number = 1
func f(other map[string]int) {
	table["a"] = elsewhere.T{}
	number++
	g(&number)
	delete(table, "a")
	number := 2
	number = 3
	other["a"] = number
	_ = table["a"]
}`
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "p.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"p.go:6:2: table", "p.go:7:2: number", "p.go:8:4: number", "p.go:9:2: table"}
	got := changes("p", []source{{fileSet: set, File: file}})
	if len(got) != len(want) {
		t.Fatalf("found %q", got)
	}
	for i := range want {
		if got[i] != want[i]+" is changed" {
			t.Errorf("found %q, want %q", got[i], want[i])
		}
	}
}

// targets returns what a statement changes, or may let others change.
func targets(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") {
			return n.Args[:1]
		}
	}
	return nil
}

// base returns the variable that an expression reaches into.
func base(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// noImports lets the type checker find out what belongs to the package itself, and no more.
type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not looked at") }
