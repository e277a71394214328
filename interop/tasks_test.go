package interop_test

import (
	"context"
	"strings"
	"testing"

	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

// taskServer is an official server with a tool that runs as a task and asks
// its user meanwhile.
type taskServer struct {
	harness.Server
	tool string
	args map[string]any
	want string // what it makes of the answer
}

// taskServers are the TypeScript SDK's example server, which asks in the call
// that becomes the task, and server-everything, which asks while it is polled
// for the result; the second on connections that are shared and that are not.
func taskServers(t *testing.T) (all []taskServer) {
	t.Helper()
	all = append(all, taskServer{
		Server: harness.Server{Name: "tsexample", URL: node.StartTSExample(t)},
		tool:   "collect-user-info-task", args: map[string]any{"infoType": "contact"}, want: `"email": "` + clients.Answer + `"`,
	})
	shared, own := everything().server, everything().server
	own.Name, own.Isolation = "everythingown", "session"
	url := node.StartEverythingHTTP(t)
	for _, server := range []harness.Server{
		shared, own,
		{Name: "http", URL: url},
		{Name: "httpshared", URL: url, Isolation: "shared"},
	} {
		all = append(all, taskServer{
			Server: server,
			tool:   "simulate-research-query", args: map[string]any{"topic": server.Name, "ambiguous": true}, want: "# Research Report: " + server.Name + " (" + clients.Answer + ")",
		})
	}
	return all
}

// TestATaskAsksItsUser: the TypeScript SDK's client finds, on both endpoints,
// that a tool runs as a task, is asked by the task, and gets its result. Two
// clients do so at the same time.
func TestATaskAsksItsUser(t *testing.T) {
	t.Parallel()
	node.Need(t)
	servers := taskServers(t)
	var config harness.Config
	var prefixes []string
	for _, s := range servers {
		config.Servers = append(config.Servers, s.Server)
		prefixes = append(prefixes, s.Name+separator)
	}
	f := front{Gateway: harness.StartGateway(t, bin.OneMCP, config)}
	awaitTools(t, f.at("/mcp"), prefixes...)
	t.Run("asked", func(t *testing.T) {
		for _, s := range servers {
			for path, prefix := range map[string]string{"/mcp": s.Name + separator, "/mcp/servers/" + s.Name: ""} {
				t.Run(s.Name+" at "+path, func(t *testing.T) {
					t.Parallel()
					s.runs(t, clients.Node(t, node, clients.V1, f.at(path), clients.Legacy), prefix)
				})
			}
		}
	})
}

func (s taskServer) runs(t *testing.T, c clients.Client, prefix string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result, err := c.(clients.Tasker).CallTask(ctx, prefix+s.tool, s.args)
	if err != nil || result.IsError || !result.Task || !strings.Contains(result.Text, s.want) {
		t.Errorf("got %+v, %v; want a task that gives %q", result, err, s.want)
	}
}
