package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
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
	"onemcp/internal/secret"
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
		Args:    noArguments,
		RunE:    func(*cobra.Command, []string) error { return env.orCouldNot(env.doctor(f)) },
	}
	f.register(cmd)
	return cmd
}

// orCouldNot makes the exit code of any error but one that has a code already.
func (env *Env) orCouldNot(err error) error {
	if _, told := errors.AsType[exitCode](err); err == nil || told {
		return err
	}
	fmt.Fprintf(env.Stderr, "1mcp: %v\n", err)
	return couldNotRun
}

func (f *doctorFlags) register(cmd *cobra.Command) {
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
	if err := errors.Join(f.checkProxy(), f.checkAddresses()); err != nil {
		return p, err
	}
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
	if p.URL, err = f.publicURL(); err != nil {
		return p, err
	}
	if p.From, err = f.source(); err != nil {
		return p, err
	}
	p.Token, err = env.token(f.state)
	return p, err
}

// checkProxy holds --proxy against the names that there are lines for.
func (f doctorFlags) checkProxy() error {
	known := append(doctor.Proxies(), "all")
	if f.proxy == "" || slices.ContainsFunc(known, func(name string) bool { return strings.EqualFold(name, f.proxy) }) {
		return nil
	}
	return fault.New(fault.Invalid, "--proxy: there are no lines for %q", f.proxy).WithHint("one of %s", strings.Join(known, ", "))
}

// checkAddresses holds --gateway and --connect against the form host:port, and wants a --url where they are about one.
func (f doctorFlags) checkAddresses() error {
	if f.gateway != "" && !strings.HasPrefix(f.gateway, "unix:") && !hasPort(f.gateway) {
		return fault.New(fault.Invalid, "--gateway: %q has no port", f.gateway).WithHint("write host:port, such as 127.0.0.1:3000, or unix:/path")
	}
	if f.connect != "" && !hasPort(f.connect) {
		return fault.New(fault.Invalid, "--connect: %q has no port", f.connect).WithHint("write host:port, such as 192.0.2.1:443")
	}
	if f.url == "" && (f.connect != "" || f.from != "") {
		return fault.New(fault.Invalid, "--connect and --from say how to get to a --url, and there is none").WithHint("give --url, the public URL of the gateway")
	}
	return nil
}

func hasPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

// publicURL reads --url; nil if it is not given.
func (f doctorFlags) publicURL() (*publicurl.External, error) {
	if f.url == "" {
		return nil, nil
	}
	url, err := publicurl.Parse(strings.TrimSuffix(strings.TrimRight(f.url, "/"), "/mcp"))
	if err != nil {
		return nil, fault.New(fault.Invalid, "--url: %v", err)
	}
	return &url, nil
}

// source reads --from; invalid if it is not given.
func (f doctorFlags) source() (netip.Addr, error) {
	if f.from == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(f.from)
	if err != nil {
		return a, fault.New(fault.Invalid, "--from: %q is not an address", f.from).WithHint("one of this machine's, such as 192.0.2.1; `ip addr` lists them")
	}
	return a, nil
}

// token makes a probe token with the gateway's key.
func (env *Env) token(stateDir string) (secret.Text, error) {
	key, err := probe.Load(probe.Dir(stateDir, env.Lookup))
	if err != nil {
		return secret.Text{}, err
	}
	return key.Mint(time.Now()), nil
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
	if at != "" {
		out.Listener = listenerAt(at)
		return out, nil
	}
	network, address, err := daemon.Address(s)
	out.Listener = doctor.Listener{Network: network, Address: address, Local: network == "unix" || onlyLocal(s.Host)}
	return out, err
}

// listenerAt reads --gateway.
func listenerAt(text string) doctor.Listener {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		return doctor.Listener{Network: "unix", Address: path, Local: true}
	}
	return doctor.Listener{Network: "tcp", Address: text, Local: onlyLocal(text)}
}

// onlyLocal reports whether a host, with or without a port, is this machine's loopback.
func onlyLocal(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
