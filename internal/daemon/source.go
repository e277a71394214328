package daemon

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"

	"onemcp/internal/config"
)

// SourceOptions say where a configuration comes from.
type SourceOptions struct {
	File       string        // as --config says; may be empty
	Flags      config.Flags  // go before the environment and the file
	Lookup     config.Lookup // the environment
	Dir        string        // working directory
	ConfigDir  string        // where the user's configuration files live; may be empty
	Executable string        // this program, as the example server; empty: no example
}

// Source is where the configuration comes from, now and at every reload.
type Source struct {
	o       SourceOptions
	path    string
	looked  []string
	watcher *config.Watcher
	changed chan struct{}
}

// NewSource finds the file, and remembers its content so that no later change is missed. A file
// that was named and is not there is a fault of kind NotFound.
func NewSource(o SourceOptions) (*Source, error) {
	path, looked, err := config.Find(o.File, o.Lookup, o.Dir, o.ConfigDir, exists)
	if err != nil {
		return nil, err
	}
	s := &Source{o: o, path: path, looked: looked, changed: make(chan struct{}, 1)}
	if path != "" {
		s.watcher = config.NewWatcher(path, s.note)
	}
	return s, nil
}

// exists counts directories, so that reading tells of one that stands where the file should: to pass over it would be to
// serve something else than what was meant.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Path returns the file, "" when there is none.
func (s *Source) Path() string { return s.path }

// Looked returns the places where a file was looked for.
func (s *Source) Looked() []string { return s.looked }

// Load reads the configuration, with flags and environment over it. Without a file it is
// the built-in one, which has the example server. Config is nil exactly when a
// problem is fatal.
func (s *Source) Load() (*config.Config, config.Problems) {
	c, problems := s.read()
	if c == nil {
		return nil, problems
	}
	server, wrong := config.Override(c.Server, s.o.Flags, s.o.Lookup)
	problems = slices.Concat(problems, wrong)
	if problems.Fatal() {
		return nil, problems
	}
	c.Server = server
	return c, problems
}

func (s *Source) read() (*config.Config, config.Problems) {
	if s.path != "" {
		return config.Load(s.path, s.o.Lookup)
	}
	if s.o.Executable == "" {
		return config.Default(), nil
	}
	c, problems := config.Parse("", builtin(s.o.Executable), func(string) (string, bool) { return "", false })
	return c, problems
}

// builtin is what is served when nothing is configured.
func builtin(executable string) []byte {
	type server struct {
		Command string   `json:"command"`
		Args    []string `json:"args"`
	}
	command := strings.ReplaceAll(executable, "${", "$${")
	text, _ := json.Marshal(map[string]map[string]server{ // texts alone cannot fail
		"mcpServers": {"example": {command, []string{"example-server"}}},
	})
	return text
}

// Run watches the file until ctx ends. It returns an error only when watching is not
// possible.
func (s *Source) Run(ctx context.Context) error {
	if s.watcher == nil {
		<-ctx.Done()
		return nil
	}
	return s.watcher.Run(ctx)
}

// Changed receives a value after the file has changed.
func (s *Source) Changed() <-chan struct{} { return s.changed }

func (s *Source) note() {
	select {
	case s.changed <- struct{}{}:
	default: // one is waiting already
	}
}
