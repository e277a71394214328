package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/tailscale/hujson"

	"onemcp/internal/config"
)

const schemaFile = "mcp.schema.json"

func TestTheCommittedSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	if *update {
		if err := os.WriteFile(schemaFile, config.Schema(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, config.Schema()) {
		t.Errorf("%s is out of date: go test ./internal/config -update", schemaFile)
	}
}

// TestTheSchemaKnowsWhatTheLoaderKnows holds the examples against both: the names that the schema
// does not have are the names that the loader warns of, and nothing else.
func TestTheSchemaKnowsWhatTheLoaderKnows(t *testing.T) {
	t.Parallel()
	var root map[string]any
	if err := json.Unmarshal(config.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	for _, path := range archives(t, "good") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var unknown []string
			_, problems := loadArchive(t, archive)
			for _, p := range problems {
				if p.Message == "unknown name, ignored" || strings.HasPrefix(p.Message, "has no effect here") {
					unknown = append(unknown, p.Path)
				}
			}
			v := validator{root: root}
			v.value("", root, decoded(t, section(archive, "mcp.json")))
			slices.Sort(unknown)
			slices.Sort(v.unknown)
			if !slices.Equal(unknown, v.unknown) {
				t.Errorf("unknown to the loader: %q, to the schema: %q", unknown, v.unknown)
			}
			if len(v.wrong) > 0 && !problems.HasErrors() {
				t.Errorf("wrong to the schema only: %q", v.wrong)
			}
		})
	}
}

func decoded(t *testing.T, data []byte) any {
	t.Helper()
	standard, err := hujson.Standardize(append(data, '\n'))
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(standard, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// validator is as much of JSON Schema as ours uses to say which names and types there may be.
type validator struct {
	root           map[string]any
	unknown, wrong []string
}

func (v *validator) value(path string, schema map[string]any, value any) {
	if ref, ok := schema["$ref"].(string); ok {
		schema = v.root["definitions"].(map[string]any)[filepath.Base(ref)].(map[string]any)
	}
	if value == nil || schema["oneOf"] != nil {
		return
	}
	if !hasType(schema["type"], value) {
		v.wrong = append(v.wrong, path)
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, value) {
		v.wrong = append(v.wrong, path)
	}
	if object, ok := value.(map[string]any); ok {
		v.object(path, schema, object)
	}
}

func (v *validator) object(path string, schema map[string]any, object map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	for name, value := range object {
		at := strings.TrimPrefix(path+"."+name, ".")
		if property, ok := properties[name].(map[string]any); ok {
			v.value(at, property, value)
		} else if other, ok := schema["additionalProperties"].(map[string]any); ok {
			v.value(at, other, value)
		} else if schema["additionalProperties"] == false {
			v.unknown = append(v.unknown, at)
		}
	}
}

func hasType(types any, value any) bool {
	names, _ := types.([]any)
	if one, ok := types.(string); ok {
		names = []any{one}
	}
	if names == nil {
		return true
	}
	kind := map[string]string{"string": "string", "float64": "integer", "bool": "boolean"}[fmt.Sprintf("%T", value)]
	switch value.(type) {
	case map[string]any:
		kind = "object"
	case []any:
		kind = "array"
	}
	return slices.Contains(names, any(kind))
}

func archived(f *testing.F, kind string) [][]byte {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", kind, "*.txtar"))
	if err != nil {
		f.Fatal(err)
	}
	var out [][]byte
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		out = append(out, section(archive, "mcp.json"))
	}
	return out
}
