package interop_test

import (
	"testing"

	"onemcp/interop/clients"
)

// opener connects one kind of client.
type opener struct {
	name string
	open func(testing.TB, clients.Target) clients.Client
}

// openers are all clients, opening with one era.
func openers(era clients.Era) []opener {
	all := []opener{
		{"go", func(t testing.TB, to clients.Target) clients.Client { return clients.Go(t, to, era) }},
		{"ts2", func(t testing.TB, to clients.Target) clients.Client {
			return clients.Node(t, node, clients.V2, to, era)
		}},
	}
	if era != clients.Modern {
		all = append(all, opener{"ts1", func(t testing.TB, to clients.Target) clients.Client {
			return clients.Node(t, node, clients.V1, to, era)
		}})
	}
	return all
}

// TestDirect proves the fixtures: every client gets from every server, with
// nothing between, what the tests of the gateway expect.
func TestDirect(t *testing.T) {
	t.Parallel()
	for _, b := range lineup(t) {
		for _, era := range []clients.Era{clients.Legacy, clients.Auto} {
			for _, o := range openers(era) {
				t.Run(b.server.Name+"/"+o.name+"/"+string(era), func(t *testing.T) {
					t.Parallel()
					check(t, o.open(t, b.target()), b, "")
				})
			}
		}
	}
}

// TestDirectAsk proves that the example server's question reaches official
// clients in both eras.
func TestDirectAsk(t *testing.T) {
	t.Parallel()
	node.Need(t)
	for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
		for _, o := range openers(era) {
			t.Run(o.name+"/"+string(era), func(t *testing.T) {
				t.Parallel()
				asks(t, o.open(t, example().target()), "ask")
			})
		}
	}
}

func TestDirectInspector(t *testing.T) {
	t.Parallel()
	node.Need(t)
	for _, era := range []clients.Era{clients.Legacy, clients.Modern} {
		t.Run(string(era), func(t *testing.T) {
			t.Parallel()
			check(t, clients.Inspector(t, node, example().target(), era), example(), "")
		})
	}
}
