package interop_test

import (
	"context"
	"strings"
	"testing"

	"onemcp/internal/mcp/mcptest"
	"onemcp/interop/clients"
	"onemcp/interop/eragate"
	"onemcp/interop/harness"
)

// inquirer is a backend that asks the user and the user's model.
type inquirer struct {
	server            harness.Server
	elicit, sample    string         // its tools
	elicited, sampled string         // what they make of the answer
	prompts           map[string]any // arguments of the second one
}

// inquirers are official servers of each era that ask, over stdio and HTTP.
func inquirers(t *testing.T) []inquirer {
	t.Helper()
	var all []inquirer
	for _, server := range []harness.Server{
		everything().server,
		{Name: "everythinghttp", URL: node.StartEverythingHTTP(t)},
		{Name: "everythingsse", URL: node.StartEverythingSSE(t)},
	} {
		all = append(all, inquirer{
			server: server,
			elicit: "trigger-elicitation-request", elicited: "- Name: " + clients.Answer,
			sample: "trigger-sampling-request", sampled: `"text": "` + clients.Answer + `"`, prompts: map[string]any{"prompt": "Who?"},
		})
	}
	for _, era := range []eragate.Gate{eragate.Legacy, eragate.Modern} {
		for _, server := range askers(t, era) {
			all = append(all, inquirer{
				server: server,
				elicit: "test_elicitation", elicited: "accept map[username:" + clients.Answer + "]",
				sample: "test_sampling", sampled: clients.Answer,
			})
		}
	}
	return all
}

// TestQuestionsAndAnswersBetweenAllEras: every client, in each era, is
// asked by every backend, of each era, for its user and for its model; the
// answers come back in the tools' results, on both endpoints. The clients of a
// backend come one after the other, since they share its legacy connection.
func TestQuestionsAndAnswersBetweenAllEras(t *testing.T) {
	t.Parallel()
	node.Need(t)
	all := inquirers(t)
	config := harness.Config{Excuses: []mcptest.Excuse{anyNumber}}
	var prefixes []string
	for _, q := range all {
		config.Servers = append(config.Servers, q.server)
		prefixes = append(prefixes, q.server.Name+separator)
	}
	f := front{Gateway: harness.StartGateway(t, bin.OneMCP, config)}
	awaitTools(t, f.at("/mcp"), prefixes...)
	t.Run("asked", func(t *testing.T) {
		for _, q := range all {
			t.Run(q.server.Name, func(t *testing.T) {
				t.Parallel()
				for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
					for _, o := range openers(era) {
						t.Run(o.name+"/"+string(era)+"/merged", func(t *testing.T) {
							q.asks(t, o.open(t, f.at("/mcp")), q.server.Name+separator)
						})
						t.Run(o.name+"/"+string(era)+"/own", func(t *testing.T) {
							q.asks(t, o.open(t, f.at("/mcp/servers/"+q.server.Name)), "")
						})
					}
				}
			})
		}
	})
}

// asks shows that the client's answers come back in the tools' results.
func (q inquirer) asks(t *testing.T, c clients.Client, prefix string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, tool := range []struct {
		name, want string
		args       map[string]any
	}{{q.elicit, q.elicited, nil}, {q.sample, q.sampled, q.prompts}} {
		args := tool.args
		if args == nil {
			args = map[string]any{}
		}
		result, err := c.Call(ctx, prefix+tool.name, args, 0)
		if err != nil || result.IsError || !strings.Contains(result.Text, tool.want) {
			t.Errorf("%s: got %+v, %v; want %q", tool.name, result, err, tool.want)
		}
	}
}
