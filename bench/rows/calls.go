package rows

import (
	"onemcp/bench/backend"
	"onemcp/bench/load"
	"onemcp/bench/middle"
)

// The labels of subjects that goals name.
const (
	direct      = "direct"
	directPipes = "direct stdio"
	proxy       = "ReverseProxy"
	ours        = "1mcp"
	bare        = "bare handler"
	fewOnes     = 10 // tools of a backend, where their number does not matter
)

// inEvents is a backend that answers as those made with the official SDKs do unless they are told otherwise.
func inEvents() backend.Profile {
	p := plain(backend.Both)
	p.Events = true
	return p
}

func plain(era backend.Era) backend.Profile { return backend.Profile{Era: era, Tools: fewOnes} }

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

func callEvents() race {
	return race{
		name:      "call-events",
		title:     "tools/call of a 64-byte echo, one HTTP backend that answers by event streams, legacy era",
		clients:   []int{1, 16, 64},
		reference: proxy,
		subjects: func(l *Lab) []subject {
			return l.field(l.http(1, inEvents()), echo)
		},
		goals: []goal{
			{what: "CPU per call of ReverseProxy", figure: cpu, of: ours, than: proxy, limit: 0.65, most: true, clients: []int{16, 64}},
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
			return append([]subject{l.directHTTP(), l.directStdio(directPipes, 1), canned}, l.field(s, echo)...)
		},
		goals: []goal{
			{what: "CPU per call of a bare handler", figure: cpu, of: ours, than: bare, limit: 1.7, most: true, clients: []int{16, 64}},
		},
	}
}

func callHTTP20() race {
	return many("call-http-20", "tools/call in front of 20 HTTP backends, all called in turn", (*Lab).http,
		control{name: proxy, at: (*Lab).proxied})
}

func callStdio20() race {
	return many("call-stdio-20", "tools/call in front of 20 stdio backends, all called in turn", (*Lab).stdio,
		control{name: directPipes, at: (*Lab).directStdio})
}

// many compares twenty backends with one, of the gateway and of a control.
func many(name, title string, setup func(*Lab, int, backend.Profile) middle.Setup, beside control) race {
	const one, twenty = "1 backend", "20 backends"
	return race{
		name:      name,
		title:     title,
		clients:   []int{16, 64},
		reference: one,
		subjects: func(l *Lab) []subject {
			return append([]subject{
				l.directHTTP(),
				l.oneMCP(one, setup(l, 1, plain(backend.Both)), backend.Legacy, echo),
				l.oneMCP(twenty, setup(l, 20, plain(backend.Both)), backend.Legacy, echo),
			}, beside.subjects(l, 1, 20)...)
		},
		goals: []goal{
			{what: "calls/s of one backend", figure: perSecond, of: twenty, than: one, limit: 0.9},
			{what: "CPU per call of one backend", figure: cpu, of: twenty, than: one, limit: 1.1, most: true},
		},
		notes: append([]goal{added(ours, twenty, one)}, beside.notes(1, 20)...),
	}
}

// oneMCP is the gateway under a label of its own.
func (l *Lab) oneMCP(label string, s middle.Setup, era backend.Era, job func([]string) load.Job) subject {
	return subject{label: label, kind: middle.OneMCP(l.OneMCP), setup: s, era: era, job: job}
}

// directHTTP is what load and HTTP backend reach alone.
func (l *Lab) directHTTP() subject {
	return subject{label: direct, kind: middle.Direct(), setup: l.http(1, plain(backend.Both)), era: backend.Legacy, job: echo}
}
