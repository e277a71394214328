package cli

import (
	"context"

	"github.com/spf13/cobra"

	"onemcp/internal/fault"
	"onemcp/internal/trustlist"
	"onemcp/internal/trustproxy"
	"onemcp/internal/trustproxy/explain"
)

func newTrust(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Look into what is believed of reverse proxies",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newExplain(env))
	return cmd
}

func newExplain(env *Env) *cobra.Command {
	var o explain.Options
	var headers []string
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Say who the client of a request is, and why",
		Long: `Say who the client of a request is, and why, without a gateway and without a configuration.

With --stdin each line of the input is a request, and each line of the output its answer:
{"trustProxy": …, "remoteAddr": "10.0.0.1:1234", "tls": false, "host": "…", "headers": [["Name", "value"], …]}`,
		Example: `  1mcp trust explain --trust-proxy loopback --remote 127.0.0.1 --header 'X-Forwarded-For: 203.0.113.7'`,
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			var err error
			if o.Request.Headers, err = headerLines(headers); err != nil {
				return err
			}
			o.Load = loadList
			return explain.Run(env.Stdin, env.Stdout, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.TrustProxy, "trust-proxy", "", "the `value` of trustProxy (default loopback)")
	flags.StringVar(&o.Request.Remote, "remote", "", "the `address` of the connection's other end (default @, a unix socket)")
	flags.StringArrayVar(&headers, "header", nil, "a `header` of the request, as 'Name: value'; may be given again")
	flags.StringVar(&o.Request.Host, "host", "", "the Host `header`")
	flags.BoolVar(&o.Request.TLS, "tls", false, "the connection has TLS")
	flags.BoolVar(&o.JSON, "json", false, "answer in JSON")
	flags.BoolVar(&o.Stdin, "stdin", false, "read requests from stdin, one JSON object a line")
	return cmd
}

func headerLines(lines []string) (out [][2]string, err error) {
	for _, h := range lines {
		pair, err := explain.ParseHeader(h)
		if err != nil {
			return nil, fault.New(fault.Invalid, "--header: %v", err)
		}
		out = append(out, pair)
	}
	return out, nil
}

func loadList(s trustproxy.Source) (trustproxy.Entries, error) {
	return trustlist.Load(context.Background(), s)
}
