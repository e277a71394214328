package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Flags are settings of the command line as text; "" means not given.
type Flags struct {
	Host, Port string
}

// The environment variables that go before the file.
const (
	EnvHost = "ONE_MCP_HOST"
	EnvPort = "ONE_MCP_PORT"
)

// Override lays flags over environment over s, which is the file over the defaults. A blank
// variable counts as not set. A host or port that is given here takes the place of
// server.listen as well. The problems are errors; their Path is the flag or the variable.
func Override(s Server, flags Flags, env Lookup) (Server, Problems) {
	var problems Problems
	if host, _, ok := first(flags.Host, "--host", env, EnvHost); ok {
		s.Host, s.Listen = host, ""
	}
	if text, from, ok := first(flags.Port, "--port", env, EnvPort); ok {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			problems = append(problems, Problem{Path: from, Message: fmt.Sprintf("%q is not a port", text), Hint: "a whole number from 0 to 65535"})
		} else {
			s.Port, s.Listen = int(port), ""
		}
	}
	return s, problems
}

// first returns the value that wins and the flag or variable that it came from.
func first(flag, flagName string, env Lookup, variable string) (value, from string, ok bool) {
	if flag != "" {
		return flag, flagName, true
	}
	value, _ = env(variable)
	value = strings.TrimSpace(value)
	return value, variable, value != ""
}
