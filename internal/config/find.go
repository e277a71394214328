package config

import (
	"path/filepath"
	"strings"

	"onemcp/internal/fault"
)

// EnvFile is the environment variable that names the configuration file.
const EnvFile = "ONE_MCP_CONFIG"

// Find returns the configuration file: the one that flag names, else the one that
// ONE_MCP_CONFIG names, else mcp.json in cwd, else 1mcp/mcp.json in userConfigDir (which
// may be ""). looked are the places that were asked, in order. A file that was named must
// exist; when nothing was named and nothing is there, path is "" and that is no error.
// A blank name counts as none.
func Find(flag string, env Lookup, cwd, userConfigDir string, exists func(path string) bool) (path string, looked []string, err error) {
	named, by := strings.TrimSpace(flag), "--config"
	if named == "" {
		value, _ := env(EnvFile)
		named, by = strings.TrimSpace(value), EnvFile
	}
	if named != "" {
		path = absolute(cwd, named)
		if !exists(path) {
			return "", []string{path}, fault.New(fault.NotFound, "there is no file %s, which %s names", path, by).
				WithHint("correct the path, let this user read it, or leave it out to use ./mcp.json")
		}
		return path, []string{path}, nil
	}
	places := []string{filepath.Join(cwd, "mcp.json")}
	if userConfigDir != "" {
		places = append(places, filepath.Join(userConfigDir, "1mcp", "mcp.json"))
	}
	for i, place := range places {
		if exists(place) {
			return place, places[:i+1], nil
		}
	}
	return "", places, nil
}

func absolute(cwd, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(cwd, path)
}
