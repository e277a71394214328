package mcptest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"onemcp/internal/mcp"
)

// variable names the directory of the schemas.
const variable = "MCP_SCHEMA_DIR"

// Need skips a test where there are no schemas, and fails it if they cannot be used.
func Need(t testing.TB) {
	t.Helper()
	all, err := load()
	if errors.Is(err, errAbsent) {
		t.Skip(err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range mcp.Versions() {
		if len(all.of[v].methods) == 0 {
			t.Errorf("the schema of %s names no method", v)
		}
	}
}

var errAbsent = errors.New("messages are not held against the protocol's schemas: " + variable + " names no directory")

// schemas are those of all versions.
type schemas struct {
	of    map[string]*schema
	known map[string]bool // the methods of all versions
}

// schema is that of one version.
type schema struct {
	version  string
	defs     map[string]*jsonschema.Schema
	methods  map[string]string          // the name of the definition of a request or notification, by its method
	members  map[string]map[string]bool // the methods of a union of definitions, such as ServerRequest
	original map[string]definition
}

// definition is what we read of a definition ourselves.
type definition struct {
	Ref        string `json:"$ref"`
	AnyOf      []definition
	Properties struct {
		Method struct{ Const string }
	}
}

// load reads the schemas once.
var load = sync.OnceValues(func() (*schemas, error) {
	dir := os.Getenv(variable)
	if info, err := os.Stat(dir); dir == "" || err != nil || !info.IsDir() {
		return nil, errAbsent
	}
	out := &schemas{of: map[string]*schema{}, known: map[string]bool{}}
	for _, v := range mcp.Versions() {
		s, err := read(filepath.Join(dir, v+".json"), v)
		if err != nil {
			return nil, err
		}
		out.of[v] = s
		for method := range s.methods {
			out.known[method] = true
		}
	}
	return out, nil
})

func read(path, version string) (*schema, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Definitions map[string]definition
		Defs        map[string]definition `json:"$defs"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &schema{version: version, defs: map[string]*jsonschema.Schema{}, methods: map[string]string{}, members: map[string]map[string]bool{}}
	at := "#/$defs/"
	if s.original = file.Defs; s.original == nil {
		s.original, at = file.Definitions, "#/definitions/"
	}
	if err := s.compile(text, at); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.index()
	return s, nil
}

func (s *schema) compile(text []byte, at string) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	url := "https://schema.invalid/" + s.version + ".json"
	c := jsonschema.NewCompiler()
	if err := c.AddResource(url, doc); err != nil {
		return err
	}
	for name := range s.original {
		if s.defs[name], err = c.Compile(url + at + name); err != nil {
			return err
		}
	}
	return nil
}

// index finds the methods of all definitions and unions.
func (s *schema) index() {
	for name, d := range s.original {
		if method := d.Properties.Method.Const; method != "" && name != "ClientNotification" {
			s.methods[method] = name
		}
	}
	for _, name := range []string{"ServerNotification", "ServerRequest", "ClientNotification", "ClientRequest"} {
		s.members[name] = map[string]bool{}
		for _, d := range append(s.original[name].AnyOf, s.original[name]) {
			if d.Ref != "" {
				d = s.original[d.Ref[strings.LastIndex(d.Ref, "/")+1:]]
			}
			if method := d.Properties.Method.Const; method != "" {
				s.members[name][method] = true
			}
		}
	}
}

// envelope returns the definition of all messages of a kind.
func (s *schema) envelope(k mcp.Kind) *jsonschema.Schema {
	switch k {
	case mcp.Request:
		return s.defs["JSONRPCRequest"]
	case mcp.Notification:
		return s.defs["JSONRPCNotification"]
	case mcp.Result:
		return s.first("JSONRPCResultResponse", "JSONRPCResponse")
	}
	return s.first("JSONRPCErrorResponse", "JSONRPCError")
}

// result returns the definition of the result of a method, nil if the version does not know the method.
func (s *schema) result(method, resultType string, task bool) *jsonschema.Schema {
	name, ok := strings.CutSuffix(s.methods[method], "Request")
	switch {
	case !ok:
		return nil
	case task:
		return s.first("CreateTaskResult")
	case resultType == "input_required" && slices.Contains(asking, method):
		return s.defs["InputRequiredResult"]
	case resultType != "" && resultType != "complete" && resultType != "input_required":
		return s.defs["Result"] // an extension's
	}
	return s.first(name+"Result", "EmptyResult")
}

// extends reports whether a method is one of an extension's that an earlier version had in its core.
func (s *schema) extends(method string) bool {
	return s.version == mcp.LatestModern && (method == mcp.MethodTasksGet || method == mcp.MethodTasksCancel)
}

// asking are the methods whose modern results may ask for input.
var asking = []string{mcp.MethodToolsCall, mcp.MethodPromptsGet, mcp.MethodResourcesRead}

// first returns the first definition that there is.
func (s *schema) first(names ...string) *jsonschema.Schema {
	for _, name := range names {
		if d := s.defs[name]; d != nil {
			return d
		}
	}
	return nil
}

// errorOf returns the definition of the errors with a code, nil if it has none.
func (s *schema) errorOf(code int) *jsonschema.Schema {
	switch code {
	case mcp.CodeHeaderMismatch:
		return s.defs["HeaderMismatchError"]
	case mcp.CodeMissingCapability:
		return s.defs["MissingRequiredClientCapabilityError"]
	case mcp.CodeUnsupportedVersion:
		return s.defs["UnsupportedProtocolVersionError"]
	case mcp.CodeURLElicitation:
		return s.defs["URLElicitationRequiredError"]
	}
	return nil
}
