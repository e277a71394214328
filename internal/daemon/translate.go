package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"

	"onemcp/internal/catalog"
	"onemcp/internal/config"
	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/tagexpr"
	"onemcp/internal/upstream"
)

// setup translates a configuration for the gateway. driver makes the driver of a server that can be
// started; environ is what local servers may inherit.
func setup(c *config.Config, environ []string, driver func(*config.MCPServer) (upstream.Driver, error)) gateway.Setup {
	s := gateway.Setup{
		Naming: catalog.Naming{
			Separator: c.Server.Names.Separator,
			Bare:      c.Server.Names.Prefix == "never",
			MaxLength: c.Server.Names.MaxLength,
		},
		Presets:  make(map[string]tagexpr.Expr, len(c.Presets)),
		PageSize: c.Server.PageSize,
	}
	for _, p := range c.Presets {
		s.Presets[p.Name] = p.Expr
	}
	for i := range c.Servers {
		server := &c.Servers[i]
		one := spec(server, environ)
		if !one.Disabled && one.Failed == nil {
			one.Driver, one.Failed = driver(server)
		}
		s.Backends = append(s.Backends, one)
	}
	return s
}

// spec translates one server, without its driver.
func spec(s *config.MCPServer, environ []string) gateway.Spec {
	out := gateway.Spec{
		Name:     s.Name,
		Identity: identity(s, environ),
		Local:    s.Kind == config.KindStdio,
		Disabled: s.Disabled,
		Tags:     s.Tags,
		Policy: catalog.Policy{
			Enabled:      s.EnabledTools,
			Disabled:     s.DisabledTools,
			Descriptions: s.ToolDescriptionOverrides,
		},
		ConnectionTimeout: s.ConnectionTimeout,
		RequestTimeout:    s.RequestTimeout,
		MaxRequestTime:    s.MaxRequestTime,
		ForwardClient:     s.ForwardClient,
		MaxConcurrency:    s.MaxConcurrency,
		MaxConnections:    s.MaxConnections,
		Isolation:         isolation(s.Isolation),
	}
	if s.InstructionOverride != "" {
		out.Instructions = &s.InstructionOverride
	}
	if !s.Usable() {
		out.Failed = fault.New(fault.Invalid, "%s", s.Problems[0])
	}
	out.Era, out.ProtocolVersion = protocol(s.Protocol)
	return out
}

func isolation(name string) gateway.Isolation {
	switch name {
	case "shared":
		return gateway.Shared
	case "session":
		return gateway.PerSession
	case "principal":
		return gateway.PerPrincipal
	}
	return gateway.Auto
}

// protocol reads the setting of the same name: an era, a version, or nothing.
func protocol(setting string) (mcp.Era, string) {
	switch setting {
	case "":
		return mcp.NoEra, ""
	case "legacy":
		return mcp.Legacy, ""
	case "modern":
		return mcp.Modern, ""
	}
	return mcp.EraOf(setting), setting
}

// identity is a digest of all that asks for another connection when it changes. It covers
// secrets, so it is not for logs.
func identity(s *config.MCPServer, environ []string) string {
	h := sha256.New()
	field := func(values ...string) {
		fmt.Fprintf(h, "%d:", len(values))
		for _, v := range values {
			fmt.Fprintf(h, "%d:", len(v))
			_, _ = io.WriteString(h, v)
		}
	}
	field(string(s.Kind), s.Command, s.Cwd, s.URL.Reveal(), s.Isolation, s.Protocol)
	args := make([]string, len(s.Args))
	for i, arg := range s.Args {
		args[i] = arg.Reveal()
	}
	field(args...)
	if s.Kind == config.KindStdio {
		field(s.ChildEnv(environ)...)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		field(name, s.Headers[name].Reveal())
	}
	field(s.ConnectionTimeout.String(), s.RequestTimeout.String(), s.MaxRequestTime.String(), fmt.Sprint(s.MaxMessageSize), fmt.Sprint(s.MaxConcurrency, s.ForwardClient))
	return hex.EncodeToString(h.Sum(nil))
}
