package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"syscall"

	"github.com/joho/godotenv"

	"onemcp/internal/tagexpr"
)

// document is the top level of the file, for its names and their descriptions; the
// sections are read one by one.
type document struct {
	Schema         string               `json:"$schema" doc:"Where an editor finds this schema."`
	Server         Server               `json:"server" doc:"The gateway itself."`
	ServerDefaults MCPServer            `json:"serverDefaults" doc:"Settings for all servers that do not have their own. env and envFilter add to each other."`
	MCPServers     map[string]MCPServer `json:"mcpServers" doc:"The servers behind the gateway, by name."`
	Servers        map[string]MCPServer `json:"servers" doc:"The same as mcpServers, as VS Code writes it."`
	Inputs         []any                `json:"inputs" doc:"Questions that VS Code asks its user; ignored."`
	Presets        map[string]string    `json:"presets" doc:"Named selections of servers: a boolean expression over tags, with and, or, not, parentheses."`
}

// Default returns the configuration of a gateway without a file.
func Default() *Config {
	c := &Config{}
	setDefaults(reflect.ValueOf(&c.Server).Elem(), nil)
	return c
}

// Load reads the file and the .env beside it. A variable in env (os.LookupEnv, as a rule)
// goes before one of the same name in .env. The Config is nil exactly when the problems are
// fatal; its broken servers are there and not usable.
func Load(path string, env Lookup) (*Config, Problems) {
	data, problem := readFile(path)
	if problem != nil {
		return nil, Problems{*problem}
	}
	beside, problem := readDotEnv(dotEnv(path))
	if problem != nil {
		return nil, Problems{*problem}
	}
	return Parse(path, data, layered(env, beside))
}

func readFile(path string) ([]byte, *Problem) {
	data, err := os.ReadFile(path)
	if err == nil {
		return data, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Problem{File: path, Message: "there is no such file", Hint: "put it back, or correct the path"}
	}
	if errors.Is(err, syscall.EISDIR) {
		return nil, &Problem{File: path, Message: "this is a directory, and not a file", Hint: "containers make one where the file to mount does not exist: remove it, and write the file"}
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return nil, &Problem{File: path, Message: fmt.Sprintf("the file cannot be read: %v", err), Hint: "see that this user may read it"}
}

func dotEnv(path string) string { return filepath.Join(filepath.Dir(path), ".env") }

// readDotEnv reads a .env file, which need not exist. The parser's error is not shown: it
// quotes the file.
func readDotEnv(path string) (map[string]string, *Problem) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		_, problem := readFile(path)
		return nil, problem
	}
	values, err := godotenv.UnmarshalBytes(data)
	if err != nil {
		return nil, &Problem{File: path, Message: "the file is not a list of NAME=value lines", Hint: "values with blanks or line feeds stand in quotes; # begins a comment"}
	}
	return values, nil
}

func layered(env Lookup, beside map[string]string) Lookup {
	return func(name string) (string, bool) {
		if value, ok := env(name); ok {
			return value, true
		}
		value, ok := beside[name]
		return value, ok
	}
}

// fingerprint tells contents of the file and its .env apart; a file that cannot be read has one too.
func fingerprint(path string) [sha256.Size]byte {
	sum := sha256.New()
	for _, name := range []string{path, dotEnv(path)} {
		data, err := os.ReadFile(name)
		fmt.Fprintf(sum, "%d %v ", len(data), err)
		sum.Write(data)
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

// Parse reads data as [Load] does, without touching any file; name stands in the problems.
func Parse(name string, data []byte, env Lookup) (*Config, Problems) {
	d := &decoder{source: newSource(name, data), env: env}
	tree, problem := d.parse()
	if problem != nil {
		return nil, Problems{*problem}
	}
	c := Default()
	c.Path = name
	d.document(c, place{Value: tree})
	problems := d.problems.sorted()
	if problems.Fatal() {
		return nil, problems
	}
	for i := range c.Servers {
		c.Servers[i].Problems = problems.Of(c.Servers[i].Name)
	}
	return c, problems
}

func (d *decoder) document(c *Config, root place) {
	known := fieldsOf(reflect.TypeFor[document]())
	sections := map[string]place{}
	for _, m := range d.members(root) {
		if _, ok := known.find(m.key); ok {
			sections[m.key] = m.place
		} else {
			d.unknown(m, known.names())
		}
	}
	if at, ok := sections["server"]; ok {
		d.gateway(&c.Server, at)
	}
	c.Servers = d.servers(sections)
	if at, ok := sections["presets"]; ok {
		c.Presets = d.presets(at, c.Servers)
	}
}

func (d *decoder) gateway(s *Server, at place) {
	given := d.structure(reflect.ValueOf(s).Elem(), d.members(at))
	if listen, ok := given["listen"]; ok {
		for _, name := range []string{"host", "port"} {
			if _, ok := given[name]; ok {
				d.warn(listen, "remove one of the two", "stands in place of server.%s, which has no effect", name)
			}
		}
	}
	d.public(s, given)
}

func (d *decoder) presets(at place, servers []MCPServer) []Preset {
	var out []Preset
	for _, m := range d.members(at) {
		filter, ok := d.text(m.place, rules{})
		if !ok {
			continue
		}
		expr, err := tagexpr.Parse(filter)
		if err != nil {
			d.fail(m.place, "for example: (web or db) and not test", "not an expression over tags: %v", err)
			continue
		}
		if len(servers) > 0 && !slices.ContainsFunc(servers, func(s MCPServer) bool { return s.picked(expr) }) {
			d.warn(m.place, "correct it, or the tags of servers", "selects none of the servers")
		}
		out = append(out, Preset{Name: m.key, Filter: filter, Expr: expr})
	}
	return out
}
