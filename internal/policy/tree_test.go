package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const module = "onemcp"

// root is the top of the repository, as seen from here.
const root = "../.."

// source is one Go file.
type source struct {
	path    string // from the top of the repository
	pkg     string // import path of its directory
	test    bool
	lines   int
	fileSet *token.FileSet
	*ast.File
}

// position says where a node is.
func (s source) position(at token.Pos) string { return s.fileSet.Position(at).String() }

// imports returns the paths that the file imports.
func (s source) imports() []string {
	var out []string
	for _, spec := range s.Imports {
		out = append(out, strings.Trim(spec.Path.Value, `"`))
	}
	return out
}

// tree parses every Go file of the module.
func tree(t *testing.T) []source {
	t.Helper()
	var out []source
	set := token.NewFileSet()
	walk(t, func(path string) {
		if strings.HasSuffix(path, ".go") && !nested(path) {
			out = append(out, parse(t, set, path))
		}
	})
	return out
}

// nested reports whether a file is of a module below this one, which has dependencies of its own.
func nested(path string) bool {
	return strings.HasPrefix(path, "interop/") || strings.HasPrefix(path, "bench/")
}

func parse(t *testing.T, set *token.FileSet, path string) source {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(set, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{
		path:    path,
		pkg:     strings.TrimSuffix(module+"/"+filepath.ToSlash(filepath.Dir(path)), "/."),
		test:    strings.HasSuffix(path, "_test.go"),
		lines:   set.File(file.Pos()).LineCount(),
		fileSet: set,
		File:    file,
	}
}

// walk visits every file that belongs to the repository.
func walk(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := entry.Name(); {
		case entry.IsDir() && (name == ".git" || name == "node_modules" || name == "bin" || name == "dist" || name == "out"):
			return filepath.SkipDir
		case !entry.IsDir():
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			visit(filepath.ToSlash(relative))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
