package config

import (
	"fmt"
	"strconv"
	"strings"

	"onemcp/internal/trustproxy"
)

// Flags are settings of the command line as text; "" means not given.
type Flags struct {
	Host, Port, TrustProxy string
}

// The environment variables that go before the file.
const (
	EnvHost = "ONE_MCP_HOST"
	EnvPort = "ONE_MCP_PORT"

	EnvTrustProxy      = "ONE_MCP_TRUST_PROXY"
	EnvTrustProxyShort = "TRUST_PROXY" // ONE_MCP_TRUST_PROXY goes before it
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
	if text, from, ok := first(flags.TrustProxy, "--trust-proxy", env, EnvTrustProxy, EnvTrustProxyShort); ok {
		setting, err := trustproxy.ParseText(text)
		if err != nil {
			message, hint := trustProblem(err)
			problems = append(problems, Problem{Path: from, Message: message, Hint: hint})
		} else {
			s.TrustProxy = setting
		}
	}
	return s, problems
}

// first returns the value that wins and the flag or variable that it came from.
func first(flag, flagName string, env Lookup, variables ...string) (value, from string, ok bool) {
	if flag != "" {
		return flag, flagName, true
	}
	for _, variable := range variables {
		value, _ = env(variable)
		if value = strings.TrimSpace(value); value != "" {
			return value, variable, true
		}
	}
	return "", "", false
}
