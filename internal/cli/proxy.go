package cli

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"onemcp/internal/catalog"
	"onemcp/internal/config"
	"onemcp/internal/daemon"
	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/relay"
	"onemcp/internal/secret"
)

type proxyFlags struct {
	file    string
	url     string
	headers []string
	picked  selectionFlags
	log     logFlags
}

func newProxy(env *Env) *cobra.Command {
	var f proxyFlags
	cmd := &cobra.Command{
		Use:   "proxy",
		Short: "Bring a client that only speaks stdio to a running gateway",
		Long: `Bring a client that only speaks stdio to a running gateway: the client starts this command, and what it
writes goes to the gateway's MCP endpoint.

Without --url the gateway is the one on this machine that the configuration describes. While it cannot be reached, each
request is answered with an error at once; when it is back, the session is opened anew behind the client's back.`,
		Example: `  1mcp proxy --url https://mcp.example.com/mcp --header 'Authorization: Bearer ...' --tags work`,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return env.proxy(f, cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "the `URL` of the gateway's endpoint, or unix:/path (default: where the configuration says that it listens)")
	flags.StringVar(&f.file, "config", "", "the configuration `file` of the gateway")
	flags.StringArrayVar(&f.headers, "header", nil, "a header `'Name: value'` for every request; may be given more than once")
	f.picked.register(cmd)
	flags.StringVar(&f.log.level, "log-level", "", "debug, info, warn or error (default info)")
	flags.StringVar(&f.log.format, "log-format", "", "text or json (default json)")
	return cmd
}

func (env *Env) proxy(f proxyFlags, cmd *cobra.Command) error {
	if err := f.log.check(); err != nil {
		return err
	}
	o, err := env.relay(f, cmd)
	if err != nil {
		return err
	}
	log, how := newLog(env.Stderr, false, f.log, "")
	defer how.buffer.Flush()
	o.Log = log
	ctx, stop := env.untilSignal(os.Interrupt, syscall.SIGTERM)
	defer stop()
	_, heard := env.Signals(syscall.SIGPIPE) // that nobody reads is known from the writing
	defer heard()
	log.Info("bringing one client on stdin and stdout to a gateway", "gateway", o.Shown)
	return relay.New(o).Run(ctx, env.Stdin, kept{env.Stdout})
}

// relay reads the flags.
func (env *Env) relay(f proxyFlags, cmd *cobra.Command) (o relay.Options, err error) {
	scope, err := f.picked.scope(cmd)
	if err != nil {
		return o, err
	}
	if o.Headers, err = headersOf(f.headers); err != nil {
		return o, err
	}
	switch {
	case f.url == "" && cmd.Flags().Changed("url"):
		err = fault.New(fault.Invalid, "--url is empty").WithHint("name the gateway's endpoint, or leave it out to use the configuration's")
	case f.url == "":
		err = env.configured(&o, f.file)
	case f.file != "":
		err = fault.New(fault.Invalid, "--config does not go with --url").WithHint("leave one of them out")
	default:
		err = addressed(&o, f.url)
	}
	if err != nil {
		return o, err
	}
	o.URL, err = endpointFor(o.URL, scope)
	return o, err
}

// configured aims at the listener that the configuration describes.
func (env *Env) configured(o *relay.Options, file string) error {
	source, err := env.source(file, config.Flags{})
	if err != nil {
		return err
	}
	c, problems := source.Load()
	if c == nil {
		return wrongConfig(env.Stderr, problems)
	}
	network, address, err := daemon.Address(&c.Server)
	if err != nil {
		return err
	}
	o.Configured = true
	o.Dial = func(ctx context.Context) (net.Conn, error) { return daemon.Dial(ctx, &c.Server) }
	o.URL = &url.URL{Scheme: "http", Host: address, Path: "/mcp"}
	o.Shown = o.URL.String()
	if network == "unix" {
		o.URL.Host, o.Shown = "localhost", "unix:"+address
	}
	return nil
}

var errURL = fault.New(fault.Invalid, "--url must begin with http:// or https:// and name a host, or be unix:/path").
	WithHint("for example https://mcp.example.com/mcp")

// addressed aims at --url. Without a path it means /mcp there.
func addressed(o *relay.Options, text string) error {
	if path, ok := strings.CutPrefix(text, "unix:"); ok && path != "" {
		o.URL, o.Shown = &url.URL{Scheme: "http", Host: "localhost", Path: "/mcp"}, text
		o.Dial = func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", path) }
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errURL // the error of parsing would show the URL
	}
	if user := u.User; user != nil {
		return fault.New(fault.Invalid, "--url must not hold a name or password").WithHint("give --header 'Authorization: ...'")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/mcp"
	}
	u.Fragment = ""
	o.URL, o.Shown = u, u.Scheme+"://"+u.Host+u.EscapedPath()
	return nil
}

// endpointFor returns the URL of a part of the gateway.
func endpointFor(u *url.URL, scope gateway.Scope) (*url.URL, error) {
	to := *u
	name, query := scope.Selector.Name(), to.Query()
	there, _ := catalog.Select(query) // what is wrong in it the gateway tells
	switch {
	case there.Name() != "" && (name != "" || scope.Backend != ""):
		return nil, fault.New(fault.Invalid, "--url selects servers already, with %s", there.Name()).WithHint("leave out that parameter or the flag")
	case scope.Backend != "":
		return to.JoinPath("servers", url.PathEscape(scope.Backend)), nil
	case name != "":
		query.Set(name, scope.Selector.Text)
		to.RawQuery = query.Encode()
	}
	return &to, nil
}

// headersOf reads --header flags. Errors do not show values.
func headersOf(flags []string) (map[string]secret.Text, error) {
	headers := map[string]secret.Text{}
	for n, text := range flags {
		name, value, ok := strings.Cut(text, ":")
		name, value = http.CanonicalHeaderKey(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch _, twice := headers[name]; {
		case !ok || !isHeaderName(name):
			return nil, fault.New(fault.Invalid, "--header number %d is not of the form 'Name: value'", n+1).WithHint("put it in quotes; for example --header 'Authorization: Bearer ...'")
		case strings.ContainsFunc(value, isControl):
			return nil, fault.New(fault.Invalid, "--header %s: the value must be one line", name)
		case twice:
			return nil, fault.New(fault.Invalid, "--header %s is given twice", name).WithHint("leave one of them out")
		}
		headers[name] = secret.New(value)
	}
	return headers, nil
}

func isHeaderName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
