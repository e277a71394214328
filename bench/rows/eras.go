package rows

import (
	"onemcp/bench/backend"
	"onemcp/bench/middle"
)

func erasHTTP() race {
	return eras("eras-http", "tools/call by era of client and HTTP backend", (*Lab).http)
}

func erasStdio() race {
	return eras("eras-stdio", "tools/call by era of client and stdio backend", (*Lab).stdio)
}

// eras compares the four pairs of a client's and a backend's era. All clients share one connection to the backend in each
// era: with one of its own, a modern client would open it anew for every request.
func eras(name, title string, setup func(*Lab, int, backend.Profile) middle.Setup) race {
	pair := func(client, server backend.Era) string { return string(client) + " to " + string(server) }
	both := []backend.Era{backend.Legacy, backend.Modern}
	same, modern := pair(backend.Legacy, backend.Legacy), pair(backend.Modern, backend.Modern)
	return race{
		name:      name,
		title:     title,
		clients:   []int{16, 64},
		reference: same,
		subjects: func(l *Lab) []subject {
			out := []subject{l.directHTTP()}
			for _, server := range both {
				for _, client := range both {
					s := setup(l, 1, plain(server))
					s.Isolation = "shared"
					out = append(out, l.oneMCP(pair(client, server), s, client, echo))
				}
			}
			return out
		},
		goals: []goal{
			{what: "modern, calls/s of legacy", figure: perSecond, of: modern, than: same, limit: 0.85},
			{what: "modern, CPU of legacy", figure: cpu, of: modern, than: same, limit: 1.15, most: true},
			{what: "modern client, legacy backend, CPU of modern", figure: cpu, of: pair(backend.Modern, backend.Legacy), than: modern, limit: 1.5, most: true},
			{what: "legacy client, modern backend, CPU of legacy", figure: cpu, of: pair(backend.Legacy, backend.Modern), than: same, limit: 1.5, most: true},
		},
	}
}
