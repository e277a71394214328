package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"onemcp/internal/config"
	"onemcp/internal/daemon"
	"onemcp/internal/doctor"
	"onemcp/internal/fault"
	"onemcp/internal/probe"
	"onemcp/internal/publicurl"
)

// couldNotRun is the exit code of a doctor that could not look.
const couldNotRun = exitCode(2)

type doctorFlags struct {
	file, state, gateway      string
	url, connect, from, proxy string
	json, insecure, idle      bool
	over                      config.Flags
}

func newDoctor(env *Env) *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what is wrong between clients, reverse proxies and the gateway",
		Long: `Look at the configuration, at the running gateway and, with --url, at the proxies between: by an honest
request, by forged headers, by a stream and by large requests. Each finding has a stable id and the lines to paste.

Run it on the gateway's machine, as a user who may read the state directory. The exit code is 0 when nothing is
wrong, 1 with findings, and 2 when it could not look.`,
		Example: `  1mcp doctor --url https://mcp.example.com`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			err := env.doctor(f)
			if _, told := err.(exitCode); err == nil || told {
				return err
			}
			fmt.Fprintf(env.Stderr, "1mcp: %v\n", err)
			return couldNotRun
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.file, "config", "", "the configuration `file` of the gateway")
	flags.StringVar(&f.url, "url", "", "the public `URL` of the gateway, as clients write it, without /mcp")
	flags.StringVar(&f.gateway, "gateway", "", "where the gateway listens, `host:port` or unix:/path (default: as the configuration says)")
	flags.StringVar(&f.over.TrustProxy, "trust-proxy", "", "the `value` that the gateway was started with")
	flags.StringVar(&f.state, "state-dir", "", "the `directory` of the gateway's key (default $XDG_STATE_HOME/1mcp)")
	flags.StringVar(&f.connect, "connect", "", "connect to this `host:port` in place of the URL's own")
	flags.StringVar(&f.from, "from", "", "call the URL from this `address` of this machine")
	flags.StringVar(&f.proxy, "proxy", "", "show the lines for this `proxy` only; all shows every one (default: the one that is recognised)")
	flags.BoolVar(&f.insecure, "insecure", false, "take any TLS certificate")
	flags.BoolVar(&f.idle, "idle", false, "also hold a silent stream open for two heartbeats")
	flags.BoolVar(&f.json, "json", false, "print the report as JSON")
	return cmd
}

func (env *Env) doctor(f doctorFlags) error {
	plan, err := env.plan(f)
	if err != nil {
		return err
	}
	ctx, stop := env.untilSignal(os.Interrupt, syscall.SIGTERM)
	defer stop()
	report := doctor.Diagnose(doctor.Examine(ctx, plan))
	if f.json {
		err = printJSON(env, report)
	} else {
		err = report.Print(env.Stdout, f.proxy)
	}
	if code := report.Code(); err == nil && code != 0 {
		return exitCode(code)
	}
	return err
}

func printJSON(env *Env, r *doctor.Report) error {
	enc := json.NewEncoder(env.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// plan says what is to be looked at.
func (env *Env) plan(f doctorFlags) (doctor.Plan, error) {
	p := doctor.Plan{Version: env.Version, Connect: f.connect, Insecure: f.insecure, Idle: f.idle}
	source, err := env.source(f.file, f.over)
	if err != nil {
		return p, err
	}
	c, problems := source.Load()
	if c == nil {
		return p, wrongConfig(env.Stderr, problems)
	}
	if p.Setup, err = setupOf(&c.Server, problems, f.gateway); err != nil {
		return p, err
	}
	if f.url != "" {
		url, err := publicurl.Parse(strings.TrimSuffix(strings.TrimRight(f.url, "/"), "/mcp"))
		if err != nil {
			return p, fault.New(fault.Invalid, "--url: %v", err)
		}
		p.URL = &url
	}
	if f.from != "" {
		if p.From, err = netip.ParseAddr(f.from); err != nil {
			return p, fault.New(fault.Invalid, "--from: %q is not an address", f.from)
		}
	}
	key, err := probe.Load(probe.Dir(f.state, env.Lookup))
	if err != nil {
		return p, err
	}
	p.Token = key.Mint(time.Now())
	return p, nil
}

// setupOf translates the configuration; at is where the gateway listens, if not as that says.
func setupOf(s *config.Server, problems config.Problems, at string) (doctor.Setup, error) {
	out := doctor.Setup{
		Trust: s.TrustProxy, ProxyProtocol: s.ProxyProtocol == "require", External: s.ExternalURL,
		AllowedHosts: s.AllowedHosts, Heartbeat: s.HeartbeatInterval, MaxBody: s.MaxBodySize,
	}
	for _, p := range problems {
		out.Problems = append(out.Problems, doctor.Problem{Text: p.String(), Warning: p.Warning})
	}
	network, address, err := "tcp", at, error(nil)
	if path, unix := strings.CutPrefix(at, "unix:"); unix {
		network, address = "unix", path
	} else if at == "" {
		network, address, err = daemon.Address(s)
	}
	out.Listener = doctor.Listener{Network: network, Address: address, Local: network == "unix" || at == "" && onlyLocal(s.Host) || at != "" && onlyLocal(at)}
	return out, err
}

// onlyLocal reports whether a host, with or without a port, is this machine's loopback.
func onlyLocal(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
