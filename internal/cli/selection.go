package cli

import (
	"github.com/spf13/cobra"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/gateway"
)

// selectionFlags are the flags that pick a part of the gateway, named like the parameters of the URL.
type selectionFlags struct{ tags, filter, preset, servers, server string }

func (f *selectionFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.tags, "tags", "", "show the servers that have one of these `tags`, a comma list")
	flags.StringVar(&f.filter, "filter", "", "show the servers whose tags fulfil this `expression`")
	flags.StringVar(&f.preset, "preset", "", "show the servers of this `preset` of the configuration")
	flags.StringVar(&f.servers, "servers", "", "show the servers of these `names`, a comma list")
	flags.StringVar(&f.server, "server", "", "show the one server of this `name` as it is, without prefixes")
}

// given returns the values of the selection flags that were given.
func (f *selectionFlags) given(cmd *cobra.Command) map[string][]string {
	values := map[string][]string{}
	for name, value := range map[string]string{"tags": f.tags, "filter": f.filter, "preset": f.preset, "servers": f.servers, "server": f.server} {
		if cmd.Flags().Changed(name) {
			values[name] = []string{value}
		}
	}
	return values
}

// scope returns what the flags pick.
func (f *selectionFlags) scope(cmd *cobra.Command) (gateway.Scope, error) {
	values := f.given(cmd)
	_, alone := values["server"]
	delete(values, "server") // which is a place in a URL, and not a parameter
	selector, err := catalog.Select(values)
	switch {
	case err != nil:
		return gateway.Scope{}, err
	case alone && f.server == "":
		return gateway.Scope{}, fault.New(fault.Invalid, "--server is empty").WithHint("name one server, or leave it out to see all")
	case f.server != "" && selector.How != catalog.All:
		return gateway.Scope{}, fault.New(fault.Invalid, "--server shows one server, there is nothing to select with --%s", selector.Name()).WithHint("leave one of them out")
	}
	return gateway.Scope{Backend: f.server, Selector: selector}, nil
}
