package rows

import (
	"onemcp/bench/backend"
	"onemcp/bench/load"
	"onemcp/bench/middle"
)

// The labels of subjects that goals name.
const (
	direct  = "direct"
	proxy   = "ReverseProxy"
	ours    = "1mcp"
	bare    = "bare handler"
	tenOnes = 10 // tools of a backend, where their number does not matter
)

func plain(era backend.Era) backend.Profile { return backend.Profile{Era: era, Tools: tenOnes} }

// echo calls the echo tools of all backends in turn.
func echo(tools []string) load.Job { return load.EchoCall(load.Named(tools, backend.Echo)) }

// field is everybody who can serve a setup.
func (l *Lab) field(s middle.Setup, job func([]string) load.Job) []subject {
	kinds := []middle.Kind{middle.Direct(), middle.ReverseProxy(l.Self)}
	if nginx, ok := middle.Nginx(); ok {
		kinds = append(kinds, nginx)
	}
	kinds = append(kinds, middle.OneMCP(l.OneMCP))
	var out []subject
	for _, kind := range append(kinds, l.Peers...) {
		out = append(out, subject{label: kind.Name, kind: kind, setup: s, era: backend.Legacy, job: job})
	}
	return out
}

func callHTTP() race {
	return race{
		name:      "call-http",
		title:     "tools/call of a 64-byte echo, one HTTP backend, legacy era",
		clients:   []int{1, 16, 64, 256},
		reference: proxy,
		subjects: func(l *Lab) []subject {
			return l.field(l.http(1, plain(backend.Both)), echo)
		},
		goals: []goal{
			{what: "calls/s of ReverseProxy", figure: perSecond, of: ours, than: proxy, limit: 1.4, clients: []int{16, 64}},
			{what: "CPU per call of ReverseProxy", figure: cpu, of: ours, than: proxy, limit: 0.65, most: true, clients: []int{16, 64}},
			{what: "aim: calls/s of nginx", figure: perSecond, of: ours, than: "nginx", limit: 0.6, clients: []int{16, 64}},
			{what: "added latency, p50, of what ReverseProxy adds", figure: p50, of: ours, than: proxy, less: direct, limit: 0.7, most: true, clients: []int{1}},
			{what: "p99 of ReverseProxy", figure: p99, of: ours, than: proxy, limit: 1, most: true, clients: []int{1}},
		},
	}
}

func callStdio() race {
	return race{
		name:      "call-stdio",
		title:     "tools/call of a 64-byte echo, one stdio backend, legacy era",
		clients:   []int{1, 16, 64},
		reference: bare,
		subjects: func(l *Lab) []subject {
			s := l.stdio(1, plain(backend.Both))
			canned := subject{label: bare, kind: middle.Bare(l.Self), setup: s, era: backend.Legacy, job: echo}
			return append([]subject{canned}, l.field(s, echo)...)
		},
		goals: []goal{
			{what: "CPU per call of a bare handler", figure: cpu, of: ours, than: bare, limit: 1.7, most: true, clients: []int{16, 64}},
		},
	}
}
