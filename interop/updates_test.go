package interop_test

import (
	"strconv"
	"sync"
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

// TestAReaderIsToldWhoeverComesAndGoes: one client looks at a number whenever it is told that this has changed. Meanwhile others
// subscribe to it and to something else, and leave, for which the one subscription of the server is replaced each time.
func TestAReaderIsToldWhoeverComesAndGoes(t *testing.T) {
	t.Parallel()
	f := front{Gateway: harness.StartGateway(t, bin.OneMCP, harness.Config{
		Servers: []harness.Server{{Name: "counter", Command: bin.Counter}},
		Excuses: []mcptest.Excuse{nullArguments},
	})}
	at := f.at("/mcp/servers/counter")
	awaitTools(t, at, "")
	reader := clients.Go(t, at, clients.Modern)
	const uri = "test://count"
	if err := reader.Session().Subscribe(t.Context(), &mcp.SubscribeParams{URI: uri}); err != nil {
		t.Fatal(err)
	}
	writer, other := clients.Go(t, at, clients.Modern), clients.Go(t, at, clients.Legacy).Session()
	for i := range 200 {
		var change sync.WaitGroup
		change.Go(func() {
			err := other.Subscribe(t.Context(), &mcp.SubscribeParams{URI: "test://other"})
			if i%2 == 1 {
				err = other.Unsubscribe(t.Context(), &mcp.UnsubscribeParams{URI: "test://other"})
			}
			if err != nil {
				t.Error(err)
			}
		})
		_, err := writer.Call(t.Context(), "count", nil, 0)
		change.Wait()
		if err != nil {
			t.Fatal(err)
		}
		for saw := -1; saw <= i; {
			select {
			case <-reader.Updated:
			case <-time.After(patience):
				t.Fatalf("the reader saw %d last, the number is %d", saw, i+1)
			}
			text, err := reader.Read(t.Context(), uri)
			if err != nil {
				t.Fatal(err)
			}
			if saw, err = strconv.Atoi(text); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestOneRefusedSubscriptionLeavesTheOthersTheirs: the Go SDK's servers refuse a whole subscription for one resource in it.
func TestOneRefusedSubscriptionLeavesTheOthersTheirs(t *testing.T) {
	t.Parallel()
	f := front{Gateway: harness.StartGateway(t, bin.OneMCP, harness.Config{
		Servers: []harness.Server{{Name: "counter", Command: bin.Counter}},
		Excuses: []mcptest.Excuse{nullArguments},
	})}
	at := f.at("/mcp/servers/counter")
	reader, other := clients.Go(t, at, clients.Modern), clients.Go(t, at, clients.Legacy).Session()
	const uri = "test://count"
	if err := reader.Session().Subscribe(t.Context(), &mcp.SubscribeParams{URI: uri}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := other.Subscribe(t.Context(), &mcp.SubscribeParams{URI: "test://refused"}); err == nil {
			t.Error("the refused subscription was taken")
		}
		if err := other.Subscribe(t.Context(), &mcp.SubscribeParams{URI: uri}); err != nil {
			t.Error(err)
		}
		select {
		case <-reader.Updated: // it may have changed meanwhile
		default:
		}
		if _, err := reader.Call(t.Context(), "count", nil, 0); err != nil {
			t.Fatal(err)
		}
		select {
		case <-reader.Updated:
		case <-time.After(patience):
			t.Fatal("the reader was not told")
		}
	}
}
