package interop_test

import (
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"onemcp/internal/mcp/mcptest"
	"onemcp/interop/clients"
	"onemcp/interop/harness"
)

// TestASubscriptionOfOneLeavesTheOthersTheirs: the Go SDK's servers know one subscription a connection, and the gateway has one
// for all of its clients. That it is renewed for one of them must cost the others nothing.
func TestASubscriptionOfOneLeavesTheOthersTheirs(t *testing.T) {
	t.Parallel()
	f := front{Gateway: harness.StartGateway(t, bin.OneMCP, harness.Config{
		Servers: []harness.Server{goEverything().server},
		Excuses: []mcptest.Excuse{nullArguments},
	})}
	awaitTools(t, f.at("/mcp"), "go"+separator)
	bystander := clients.Go(t, f.at("/mcp"), clients.Modern)
	reader := clients.Go(t, f.at("/mcp"), clients.Modern).Session()
	const uri = "test://watched-resource"
	if err := reader.Subscribe(t.Context(), &mcp.SubscribeParams{URI: uri}); err != nil {
		t.Fatal(err)
	}
	if err := reader.Unsubscribe(t.Context(), &mcp.UnsubscribeParams{URI: uri}); err != nil {
		t.Fatal(err)
	}
	for range 100 { // for longer than the gateway takes to part with what it had subscribed to
		if _, err := bystander.Call(t.Context(), "go"+separator+"test_trigger_tool_change", nil, 0); err != nil {
			t.Fatal(err)
		}
		select {
		case <-bystander.Changed:
		case <-time.After(patience):
			t.Fatal("the change of tools was not told")
		}
	}
}
